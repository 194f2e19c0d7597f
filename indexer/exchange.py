"""One request and its answer on one connection, within limits of addresses, bytes and time.

urllib3's connections are used without its pools: the connection is made to an address that
has just been checked, while the Host header, SNI and the certificate keep to the name. A
connection that stays open is taken again only for the same origin, and only while the name
still leads to its address; so no certificate is ever checked for one host and used for another.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, IncompleteRead
from urllib3.response import BaseHTTPResponse

from indexer.addresses import Target, refuse_private
from indexer.errors import (
    BadEncodingError,
    BodyTooLargeError,
    ConnectionFailedError,
    FetchError,
    FetchTimeoutError,
    TlsError,
    TruncatedBodyError,
    UnknownHostError,
)

Resolve = Callable[[str, int], list[str]]
"""Host and port to all IP addresses; raises socket.gaierror."""

_PIECE = 64 * 1024
_REFUSAL_BYTES = 16 * 1024  # read of an answer nobody expects: enough to reuse the connection after most
_KEPT_CONNECTIONS = 16
_PASSING_NAME_ERRORS = frozenset({socket.EAI_AGAIN})
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_MEMBERS = 100  # each costs a copy of the rest, so half a million tiny ones would cost minutes
# What a server may send although only gzip and deflate were offered. Any other word in
# Content-Encoding («utf-8», «none») is a slip of configuration that browsers pass over too.
_UNREADABLE = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})


_CERTIFICATE_REASONS = {  # by OpenSSL's X509_V_ERR_... numbers
    9: "срок действия сертификата ещё не наступил (проверьте часы этой машины)",
    10: "срок действия сертификата истёк",
    18: "сертификат подписан самим сайтом",
    19: "сертификат выдан неизвестным центром",
    20: "сертификат выдан неизвестным центром или сайт не прислал промежуточные звенья",
    62: "сертификат выдан на другое имя",
    64: "сертификат выдан на другое имя",
}
_NETWORK_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "по этому адресу никто не отвечает"),
    (ConnectionResetError, "сайт разорвал соединение"),
    (BrokenPipeError, "сайт разорвал соединение"),
    (http.client.HTTPException, "ответ не похож на HTTP"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything a site may take of us.

    ``bytes`` counts the body on the wire and again decompressed; ``seconds`` is for one
    request from name to last byte (only a name server that hangs is left to the system's
    own limits); ``attempts`` and ``redirects`` are for one address asked for.
    """

    bytes: int = 10 * 2**20
    seconds: float = 30
    connect_seconds: float = 10
    redirects: int = 5
    attempts: int = 4
    max_retry_after: float = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, decompressed; ``headers`` is looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Sends requests, each to an address that was checked just before. Threads may share one."""

    def __init__(
        self, *, allow_private: bool, limits: Limits, resolve: Resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._allow_private = allow_private
        self._limits = limits
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._idle: OrderedDict[str, tuple[str, HTTPConnection]] = OrderedDict()
        self._lock = threading.Lock()

    def send(
        self, target: Target, headers: Mapping[str, str], *, full: Container[int], most: int, cut: bool
    ) -> Answer:
        """Ask for *target* and return the answer, whatever its status.

        The body of a status in *full* is read up to *most* bytes: beyond that it is cut off
        (*cut*) or refused. Of other answers only the beginning is kept. Raises FetchError's
        children; never HttpStatusError.
        """
        end = time.monotonic() + self._limits.seconds
        addresses = self._addresses(target)
        address, connection = self._connection(target, addresses, end)
        with _cut_off(connection.sock, end - time.monotonic()) as over:
            try:
                connection.timeout = max(end - time.monotonic(), 0.001)
                connection.request(
                    "GET",
                    target.path,
                    headers={"Host": target.netloc, **headers},
                    preload_content=False,
                    decode_content=False,
                )
                with closing(connection.getresponse()) as response:
                    if response.status in full:
                        body = _read(response, target.url, most, cut=cut)
                    else:
                        body = _beginning(response, target.url)
                    whole = response.closed
            except (HTTPError, http.client.HTTPException, OSError) as error:
                connection.close()
                raise self._failure(error, target.url, late=over.is_set()) from error
            except BaseException:
                connection.close()
                raise
        # A body that ends with its connection looks complete when the time limit ended it.
        if over.is_set() and response.status in full:
            connection.close()
            raise FetchTimeoutError(target.url, self._limits.seconds)
        self._keep(target, address, connection, usable=whole and not over.is_set())
        return Answer(response.status, MappingProxyType(response.headers), body)

    def close(self) -> None:
        """Close the connections that were kept open."""
        with self._lock:
            while self._idle:
                self._idle.popitem()[1][1].close()

    def _addresses(self, target: Target) -> Sequence[str]:
        try:
            addresses = self._resolve(target.host, target.port)
        except (socket.gaierror, UnicodeError) as error:
            temporary = error.args[0] in _PASSING_NAME_ERRORS
            raise UnknownHostError(target.url, target.host, temporary=temporary) from error
        if not addresses:
            raise UnknownHostError(target.url, target.host, temporary=False)
        if not self._allow_private:
            refuse_private(target, addresses)
        return addresses

    def _connection(self, target: Target, addresses: Sequence[str], end: float) -> tuple[str, HTTPConnection]:
        """Return an open connection to one of *addresses*: a kept one, or the first that answers."""
        with self._lock:
            address, kept = self._idle.pop(target.origin, ("", None))
        if kept is not None:
            if address in addresses and kept.is_connected:
                return address, kept
            kept.close()
        failure: FetchError | None = None
        for address in addresses:
            seconds = min(self._limits.connect_seconds, end - time.monotonic())
            if seconds <= 0:
                raise FetchTimeoutError(target.url, self._limits.seconds) from failure
            connection = self._new(target, address, seconds)
            try:
                connection.connect()
            except (HTTPError, OSError) as error:
                connection.close()
                failure = self._connect_failure(error, target, seconds)
                failure.__cause__ = error
            else:
                return address, connection
        assert failure is not None, "addresses is never empty"  # noqa: S101  # for the type checker
        raise failure

    def _new(self, target: Target, address: str, seconds: float) -> HTTPConnection:
        if target.scheme == "http":
            return HTTPConnection(address, target.port, timeout=seconds)
        return HTTPSConnection(
            address, target.port, timeout=seconds, ssl_context=self._tls, server_hostname=target.host
        )

    def _keep(self, target: Target, address: str, connection: HTTPConnection, *, usable: bool) -> None:
        if not usable or connection.is_closed:
            connection.close()
            return
        with self._lock:
            self._idle[target.origin] = (address, connection)
            while len(self._idle) > _KEPT_CONNECTIONS:
                self._idle.popitem(last=False)[1][1].close()

    def _connect_failure(self, error: Exception, target: Target, seconds: float) -> FetchError:
        # To urllib3 a refused connection is a kind of timeout too.
        if isinstance(_cause(error), TimeoutError):
            return FetchTimeoutError(target.url, seconds)
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = _CERTIFICATE_REASONS.get(error.verify_code, error.verify_message)
            return TlsError(target.url, target.host, reason)
        # A handshake that ends in the middle is a matter of the network, any other of settings.
        broken_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(error, ssl.SSLError) and not broken_off:
            return TlsError(target.url, target.host, f"стороны не договорились ({error.reason or error})")
        return ConnectionFailedError(target.url, _reason(error))

    def _failure(self, error: Exception, url: str, *, late: bool) -> FetchError:
        if late or isinstance(_cause(error), TimeoutError):
            return FetchTimeoutError(url, self._limits.seconds)
        if isinstance(_cause(error), IncompleteRead | http.client.IncompleteRead):
            return TruncatedBodyError(url)
        return ConnectionFailedError(url, _reason(error))


def _cause(error: BaseException) -> BaseException:
    """Return what urllib3 has wrapped into *error*, or *error* itself."""
    return error.__cause__ if isinstance(error, HTTPError) and error.__cause__ else error


def _reason(error: Exception) -> str:
    cause = _cause(error)
    for kind, words in _NETWORK_REASONS:
        if isinstance(cause, kind):
            return words
    strerror = getattr(cause, "strerror", None)
    return str(strerror or cause or type(cause).__name__).rstrip(".")


@contextmanager
def _cut_off(sock: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """Shut *sock* after *seconds*, whoever is reading from it; the event says whether that happened.

    A socket's own timeout starts anew with every byte, so a server that sends one now and then,
    in the headers or in the length of a chunk, would hold a reader for days.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            # Of the plain socket, past SSLSocket's method, which would take TLS away from the reader.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def _read(response: BaseHTTPResponse, url: str, most: int, *, cut: bool) -> bytes:
    """Return the body decompressed, at most *most* bytes of it where it may be *cut*."""
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > most and not cut:
        raise BodyTooLargeError(url, most)
    pieces, size = [], 0
    while size <= most and (piece := response.read1(_PIECE, decode_content=False)):
        pieces.append(piece)
        size += len(piece)
    if size > most and not cut:
        raise BodyTooLargeError(url, most)
    encoding = response.headers.get("content-encoding", "").strip().lower()
    return _inflated(b"".join(pieces), encoding, url, most, cut=cut)[:most]


def _beginning(response: BaseHTTPResponse, url: str) -> bytes:
    """Return what can be had of the body of a refusal: its status matters, not its defects."""
    try:
        return _read(response, url, _REFUSAL_BYTES, cut=True)
    except (FetchError, HTTPError, http.client.HTTPException, OSError):
        return b""


def _inflated(body: bytes, encoding: str, url: str, most: int, *, cut: bool) -> bytes:
    """Return *body* decompressed, never making more than *most* bytes and one.

    urllib3 decompresses too, but takes a compressed body that breaks off for a whole one.
    """
    if not body or encoding not in {"gzip", "x-gzip", "deflate"}:
        if body and _UNREADABLE & {word.strip() for word in encoding.split(",")}:
            raise BadEncodingError(url, encoding)
        return body
    parts, room, rest = [], most + 1, body
    try:
        for _ in range(_GZIP_MEMBERS):
            inflater = zlib.decompressobj(_window_bits(rest, encoding))
            parts.append(inflater.decompress(rest, room))
            room -= len(parts[-1])
            rest = inflater.unused_data
            # A gzip body may have several members; anything else behind its end is padding.
            if room == 0 or not inflater.eof or not rest.startswith(_GZIP_MAGIC):
                break
        else:
            raise BadEncodingError(url, encoding)
    except zlib.error as error:
        raise BadEncodingError(url, encoding) from error
    if room == 0 and not cut:
        raise BodyTooLargeError(url, most)
    if not inflater.eof and not cut:
        raise TruncatedBodyError(url)
    return b"".join(parts)


def _window_bits(body: bytes, encoding: str) -> int:
    if encoding != "deflate":
        return zlib.MAX_WBITS | 16
    # «deflate» means zlib's format (RFC 9110), but some servers send the bare stream. A zlib
    # header is told by its method, 8, and by being a multiple of 31 (RFC 1950).
    wrapped = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS

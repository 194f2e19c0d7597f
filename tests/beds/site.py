"""A small real web site on loopback that answers what a test tells it to, however badly.

``Site`` is a threaded HTTP server. ``Internet`` leads public IP addresses to such sites: it
stands in for the network beyond the socket, so that code which refuses loopback can be tested
against a real server, and notes every address that was connected to.
"""

from __future__ import annotations

import errno
import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANY_HOST = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. By default it is whole, prompt and has a Content-Length."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte."""
    drip: float = 0.0
    """Seconds between single bytes of the body."""
    declared: int | None = None
    """Content-Length to declare; the connection is closed after the body if it is another."""
    chunked: bool = False
    """Send the body as one chunk; with ``declared``, without the last, empty one."""
    until_close: bool = False
    """Declare no length: the body ends with the connection."""
    raw: bytes | None = None
    """Send exactly this instead of everything else, then close."""
    raw_drip: float = 0.0
    """Seconds between single bytes of ``raw``."""


def gzipped(body: bytes, **options: Any) -> Reply:
    """Return a Reply with *body* compressed by gzip."""
    headers = {"Content-Encoding": "gzip", **options.pop("headers", {})}
    return Reply(gzip.compress(body), headers=headers, **options)


def redirect(to: str, status: int = 301) -> Reply:
    """Return a redirect to *to*."""
    return Reply(status=status, headers={"Location": to})


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came in. ``path`` has the query; ``connection`` tells which ones shared one."""

    host: str
    path: str
    headers: Mapping[str, str]
    connection: int


class Site:
    """A web server. ``on`` says what a path answers: the replies in turn, the last one forever.

    A path without replies answers 404, so there is no robots.txt unless a test writes one.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.server_names: list[str | None] = []
        """Names that clients asked for in the TLS handshake (SNI), one a connection."""
        self.most_at_once = 0
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._served: dict[tuple[str, str], int] = defaultdict(int)
        self._lock = threading.Lock()
        self._at_once = 0
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _sock, name, _context: self.server_names.append(name)
        self._server = _Server(("127.0.0.1", 0), _handler(self), tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)

    @property
    def port(self) -> int:
        """The port on loopback."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Return the address of *path* here, under any *host* name."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def on(self, path: str, *replies: Reply, host: str = ANY_HOST) -> None:
        """Answer *path* (as sent, with its query) with *replies*, for *host* (without port) or any."""
        self._replies[host, path] = list(replies)

    def paths(self, *, robots: bool = False) -> list[str]:
        """Return the paths asked for, in order, without those of robots.txt unless *robots*."""
        return [seen.path for seen in self.requests if robots or seen.path != "/robots.txt"]

    def answer(self, seen: Seen) -> Reply:
        """Note *seen* and return the reply that is due."""
        with self._lock:
            self.requests.append(seen)
            for key in ((seen.host.partition(":")[0], seen.path), (ANY_HOST, seen.path)):
                if key in self._replies:
                    replies = self._replies[key]
                    turn = self._served[key]
                    self._served[key] += 1
                    return replies[min(turn, len(replies) - 1)]
        return Reply(status=404, body=b"no such page")

    def count(self, change: int) -> None:
        """Count requests that are being answered."""
        with self._lock:
            self._at_once += change
            self.most_at_once = max(self.most_at_once, self._at_once)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address, handler)
        self._tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs into the connection's own thread: a client may leave in its middle.
        if self._tls is not None:
            try:
                request = self._tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what half of the tests are about."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            seen = Seen(self.headers.get("Host", ""), self.path, dict(self.headers), id(self))
            reply = site.answer(seen)
            site.count(+1)
            try:
                if reply.delay:
                    time.sleep(reply.delay)
                self.send(reply)
            except OSError:
                self.close_connection = True
            finally:
                site.count(-1)

        def send(self, reply: Reply) -> None:
            if reply.raw is not None:
                self.close_connection = True
                self.write(reply.raw, reply.raw_drip)
                return
            headers = {"Date": formatdate(usegmt=True), **reply.headers}
            body = reply.body
            if reply.chunked:
                headers["Transfer-Encoding"] = "chunked"
                body = b"%x\r\n%b\r\n" % (len(body), body) + (b"" if reply.declared else b"0\r\n\r\n")
            elif not reply.until_close and reply.status != 304:
                headers["Content-Length"] = str(reply.declared or len(body))
            self.close_connection = reply.until_close or reply.declared is not None
            lines = [f"HTTP/1.1 {reply.status} Bed", *(f"{name}: {value}" for name, value in headers.items())]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode())
            self.write(body, reply.drip)

        def write(self, body: bytes, pause: float) -> None:
            if not pause:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(pause)

        def log_message(self, *_: object) -> None:
            """Keep quiet: pytest shows what the site has seen."""

    return Handler


class Internet:
    """Leads connections to public addresses to sites on loopback, and notes where all of them went.

    Nothing else is reached: neither other loopback addresses nor the real internet.
    """

    def __init__(self) -> None:
        self.connected: list[str] = []
        self._sites: dict[str, Site] = {}

    def lead(self, address: str, site: Site) -> None:
        """Lead connections to *address*, on any port, to *site*."""
        self._sites[address] = site

    def connect(self) -> Callable[[socket.socket, Any], None]:
        """Return what has to stand in for ``socket.socket.connect``."""
        real = socket.socket.connect

        def connect(sock: socket.socket, address: Any) -> None:
            self.connected.append(address[0])
            site = self._sites.get(address[0])
            if site is None and address[0] not in {"127.0.0.1", "::1"}:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "this internet has no such address")
            real(sock, ("127.0.0.1", site.port) if site else address)

        return connect


def certificate(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for *hosts*; return the contexts of a server with it and of a client trusting it."""
    names = ",".join(f"DNS:{host}" for host in hosts)
    key, file = folder / f"{hosts[0]}.key", folder / f"{hosts[0]}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(key), "-out", str(file), "-days", "2", "-subj", f"/CN={hosts[0]}"),
            *("-addext", f"subjectAltName={names}"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file, key)
    return server, ssl.create_default_context(cafile=str(file))

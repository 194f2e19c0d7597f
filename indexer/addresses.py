"""Which addresses may be fetched: URLs on the way in, IP addresses on the way out.

A URL is parsed once, here, and everything that follows (robots.txt, the pause between
requests, the connection, the certificate) uses the parts found by this one parser, so that
no two of them can understand the same string differently.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin, urlsplit

from indexer.errors import AddressRefusedError, InvalidUrlError

_DEFAULT_PORTS = {"http": 80, "https": 443}

BLOCKED_PORTS = frozenset(
    {
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179),
        *(389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636),
        *(989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6697, 10080),
        *(3306, 5432, 6379, 11211, 27017),
    }
)
"""Ports where something other than a web site listens: the "bad ports" of the WHATWG Fetch standard,
and the databases that answer to text (MySQL, PostgreSQL, Redis, memcached, MongoDB)."""

_PATH_KEPT = "!$&'()*+,;=:@/-._~%"  # RFC 3986, pchar
_QUERY_KEPT = _PATH_KEPT + "?[]"  # browsers send the brackets of PHP's «filter[name]» as they are
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_HERE = frozenset({".", "%2e"})
_UP = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})

_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        # IANA's special-purpose registries, written out: what `is_private` means differs between
        # the patch releases of Python 3.11 to 3.13.
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # ::/96 and ::ffff:0:0:0/96 (old ways to write IPv4), NAT64 for local use, Teredo and kin,
        # documentation, SRv6, unique local, link-local, the old site-local, multicast.
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. ``host`` is ASCII, lower-case, without brackets or final dot;
    ``path`` is what the request line carries: path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Host and, where it is not the scheme's own, port: the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a robots.txt and a connection belong to."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        """The whole address in ASCII, without fragment."""
        return self.origin + self.path

    def join(self, location: str) -> Target:
        """Return where a ``Location`` header leads from here.

        http.client hands header bytes over as Latin-1; sites write UTF-8 there, or
        windows-1251, whose bytes are kept as they are. Raises InvalidUrlError.
        """
        text = _header_text(location.strip())
        try:
            joined = urljoin(self.url, text)
        except ValueError as error:
            raise InvalidUrlError(text, "он записан с ошибкой") from error
        return parse(joined)


def _header_text(value: str) -> str:
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        return value
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return quote(raw, safe=_QUERY_KEPT + "#")


def parse(url: str, params: Mapping[str, str] | None = None) -> Target:
    """Take *url* apart and put *params* at the end of its query.

    Cyrillic hosts become IDNA, Cyrillic paths percent-encoded UTF-8; escapes that are
    there already (in windows-1251, too) stay. Raises InvalidUrlError.
    """
    url = url.strip()
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise InvalidUrlError(url, "в нём есть управляющие символы")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidUrlError(url, "он записан с ошибкой") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidUrlError(url, "он начинается не с http:// или https://")
    if "@" in parts.netloc:
        raise InvalidUrlError(url, "имя пользователя и пароль в адресе не поддерживаются")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port in BLOCKED_PORTS:
        raise InvalidUrlError(url, f"порт {port} закрыт для обхода, на нём не бывает сайтов")
    query = "&".join(filter(None, (parts.query, urlencode(params or {}))))
    try:
        path = _without_dots(_escaped(parts.path, _PATH_KEPT) or "/")
        if query:
            path += "?" + _escaped(query, _QUERY_KEPT)
    except UnicodeError as error:
        raise InvalidUrlError(url, "в нём есть символы, которых не бывает в адресах") from error
    return Target(parts.scheme, _host(url, parts.hostname or ""), port, path)


def _host(url: str, host: str) -> str:
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host if "%" not in host else "").compressed
        except ValueError as error:
            raise InvalidUrlError(url, "в квадратных скобках не адрес IPv6") from error
    try:
        # The standard codec (IDNA 2003) agrees with later ones on Russian and Latin names.
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise InvalidUrlError(url, "имя сайта записано с ошибкой") from error
    if not _HOST.fullmatch(name):
        raise InvalidUrlError(url, "имя сайта записано с ошибкой" if name else "в нём нет имени сайта")
    return name


def _escaped(text: str, kept: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=kept)


def _without_dots(path: str) -> str:
    """Return *path* without «.» and «..» segments, so that none walks around robots.txt."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment.lower() in _UP:
            del kept[-1:]
        elif segment.lower() not in _HERE:
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return "/" + "/".join(kept)


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of *host*, the system's preferred first. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def refuse_private(target: Target, addresses: Sequence[str]) -> None:
    """Raise AddressRefusedError if any of *addresses* is not on the public Internet.

    One inner address among public ones refuses the host: which of them a connection would
    take is up to whoever answers for the name.
    """
    for address in addresses:
        if not is_public(address):
            raise AddressRefusedError(target.url, target.host, address)


def is_public(address: str) -> bool:
    """Tell whether *address* is global unicast, and so is the IPv4 address inside it, if any."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inside = ipaddress.IPv4Address(ip.packed[-4:])
        if inside is not None:
            return is_public(str(inside))
    return not (
        ip.is_multicast
        or ip.is_reserved
        or not ip.is_global
        or any(ip.version == network.version and ip in network for network in _REFUSED_NETWORKS)
    )

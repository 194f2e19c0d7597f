"""How the archive compares addresses: the same page in two spellings is one address."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

_RESERVED = re.compile(r"%(2[356BF]|3[DF])", re.IGNORECASE)
"""Escapes that would mean something else when decoded: # % & + / = ? (RFC 3986, section 2.2)."""

_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def source_id(url: str) -> str:
    """Return the id of the source at *url*: «https://www.школа5.рф/» -> «школа5.рф».

    Scheme, "www.", user, fragment and the last slash go, the host is lower-cased and decoded
    from Punycode; port, path and query stay. What is no web address is returned trimmed.
    """
    parts = _split(url)
    if parts is None:
        return url.strip()
    return _join(_host(parts), parts.path, parts.query)


def normal_address(url: str) -> str:
    """Return *url* as the archive compares it; two spellings of one page give one string.

    http and https are equal, "www.", the last slash of the path and the fragment go, escapes
    of UTF-8 text are decoded. Bytes that are no UTF-8 (windows-1251 addresses) stay escaped,
    so that different pages never become equal. What is no web address is returned trimmed.
    """
    parts = _split(url)
    if parts is None:
        return url.strip()
    return _join(_host(parts), _decoded(parts.path), _decoded(parts.query))


def _split(url: str) -> SplitResult | None:
    """Return the parts of a web address, or None for anything else."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:  # «http://[», a port that is no number
        return None
    return parts if usable else None


def _join(host: str, path: str, query: str) -> str:
    return host + path.rstrip("/") + (f"?{query}" if query else "")


def _host(parts: SplitResult) -> str:
    host = ".".join(_unicode_label(label) for label in (parts.hostname or "").lower().rstrip(".").split("."))
    host = host.removeprefix("www.")
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"


def _unicode_label(label: str) -> str:
    """Decode one label of a host name; a broken one stays as it is."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _decoded(text: str) -> str:
    kept = _RESERVED.sub(lambda escape: "%25" + escape[0][1:].upper(), text)
    try:
        return unquote(kept, errors="strict")
    except UnicodeDecodeError:
        return _ESCAPE.sub(lambda escape: escape[0].upper(), text)

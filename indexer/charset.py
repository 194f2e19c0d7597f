"""Bytes of a page to text, for sites that declare one encoding and send another."""

from __future__ import annotations

import codecs
import re

# Encodings seen on Russian sites, by Python's names. Others (and UTF-7, which hides markup) are
# treated as undeclared; so is Latin-1, which servers announce when nobody has set anything.
_KNOWN = frozenset(
    {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5"}
    | {"mac-cyrillic", "cp1252", "ascii"}
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(r"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD = 4096  # bytes searched for <meta charset> or <?xml encoding>; HTML asks for 1024, long heads exist
_BROKEN_SHARE = 10  # one broken character to ten whole ones is a text cut by bytes, more is another encoding


def decode(body: bytes, content_type: str = "") -> str:
    """Return *body* as text, whatever its encoding is said to be; never fails.

    A byte order mark wins (as in HTML). Then text that is UTF-8, but for a character cut in
    half, is UTF-8 even where windows-1251 is declared: Cyrillic in another encoding never
    looks so. Then the first declared encoding that fits (*content_type*, ``<meta>`` or the
    XML declaration), and windows-1251 in the end.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, errors="replace")
    declared = [
        name
        for source in (content_type, body[:_HEAD].decode("latin-1"))
        for name in _names(source)
        if name in _KNOWN
    ]
    # ASCII markup and Cyrillic letters of UTF-16 are valid UTF-8 too, full of zeros.
    wide = [name for name in declared if name.startswith("utf-16")] if b"\0" in body else []
    text = body.decode("utf-8", errors="replace")
    if not wide and _reads_well(text):
        return text
    for encoding in (*wide, *declared, "cp1251"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return body.decode("cp1251", errors="replace")


def _names(source: str) -> list[str]:
    names = []
    for match in _DECLARED.finditer(source):
        try:
            names.append(codecs.lookup(match[1]).name)
        except LookupError:
            continue
    return names


def _reads_well(text: str) -> bool:
    """Tell whether *text*, decoded from UTF-8, is broken in so few places that it is UTF-8."""
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    whole = sum(char > "\x7f" for char in text) - broken
    return broken * _BROKEN_SHARE <= whole

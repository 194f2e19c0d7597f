"""Russian words in Latin letters: «obrazovanie», «fgos», «shkol'nyy», in whichever way they were written.

Several standards are in use, and readers mix them. So a word has many readings; they come one by one,
the plainest first, and whoever asks knows which of them is a word.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

MOST_READINGS = 160
"""Readings given of one word."""

LONGEST = 40

_WORD = re.compile(r"^(?=(?:[^A-Za-z]*[A-Za-z]){3}|[A-Za-z'’`-]*$)[A-Za-z46]['’`A-Za-z46-]*$")

_TABLE = """
shch щ, sch щ сч, zh ж, kh х, ch ч, sh ш, ts ц тс, tz ц, ks кс
yu ю, ju ю, iu ю, ya я, ja я, ia я иа, yo ё йо, jo ё, io ио ё, ye е э, je е э, ie ие ье
iy ий, ij ий, yy ый, yj ый
a а, b б, c ц к с, d д, e е э, f ф, g г, h х, i и й, j й ж, k к, l л, m м, n н
o о, p п, q к, r р, s с, t т, u у, v в, w в ш, x кс х, y ы й, z з, ' ь ъ, - -, 4 ч, 6 ш
"""
_LETTERS: dict[str, tuple[str, ...]] = {
    entry.split()[0]: tuple(entry.split()[1:])
    for line in _TABLE.split("\n")
    for entry in line.split(",")
    if entry
}
_ENDINGS = frozenset({"iy", "ij", "yy", "yj"})
"""Read so at the end of a word only: «istoriya» goes on with a «ya»."""

_VOWELS = frozenset("aeiouy")
_SOFT = frozenset("bdlmnprstvz")
"""After these a soft sign is often left out: «uchitel», «obuchat»."""

_LONGEST_LETTER = 4


def readings(word: str) -> Iterator[str]:
    """Yield readings of a word in Latin letters, the most likely first; nothing for any other word.

    Capitals are kept: «Shkola» is «Школа», «FGOS» is «ФГОС».
    """
    if not _WORD.match(word) or len(word) > LONGEST:
        return
    plain = word.lower().replace("’", "'").replace("`", "'")
    given = 0
    waiting: list[tuple[int, int, str]] = [(0, 0, "")]
    while waiting and given < MOST_READINGS:
        cost, place, made = heapq.heappop(waiting)
        if -place == len(plain):
            given += 1
            yield _with_capitals(word, made)
            continue
        for more, length, letters in _steps(plain, -place):
            # The further on comes first among equals, so that whole words are soon made.
            heapq.heappush(waiting, (cost + more, place - length, made + letters))


def _steps(word: str, place: int) -> Iterator[tuple[int, int, str]]:
    """Yield (cost, Latin letters taken, Russian letters) of what can be read at *place*."""
    before = word[place - 1 : place]
    longest = True
    for length in range(_LONGEST_LETTER, 0, -1):
        letters = word[place : place + length]
        whole = len(letters) == length and (letters not in _ENDINGS or place + length == len(word))
        options = _LETTERS.get(letters, ()) if whole else ()
        if length == 1 and word[place] == "y" and before in _VOWELS and before:
            options = options[::-1]  # «oblastey»
        for rank, russian in enumerate(options):
            cost = rank + (0 if longest else 2)
            yield cost, length, russian
            if word[place] in _SOFT and length == 1 and word[place + 1 : place + 2] != "'":
                yield cost + 1, length, russian + "ь"
        longest = longest and not options


def _with_capitals(word: str, made: str) -> str:
    if word.isupper() and len(word) > 1:
        return made.upper()
    return made[:1].upper() + made[1:] if word[:1].isupper() else made

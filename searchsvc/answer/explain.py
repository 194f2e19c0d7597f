"""Why an article stands where it does: the second stage's own numbers, put into words.

Nothing is ranked here. The parts of a score are ``ranking.evidence`` for the article; what a word gave is
the evidence of that word alone; which words gave something together are those that alone give as much;
where words stand is ``find_marks``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from corpus.article import tag_line
from searchsvc.answer.folding import Row
from searchsvc.answer.snippet import Marks, find_marks, snippet, title_segments
from searchsvc.engine import FORMS, TITLE, AnyOf, Candidate, Matches, title_form
from searchsvc.engine import Sequence as Phrase
from searchsvc.generation.live import View
from searchsvc.language.analysis import folded_form
from searchsvc.query.planning import IN_TITLE, Planned, Unit, Word
from searchsvc.ranking import PARTS_OF_SCORE, Floats, Statistics, evidence, families_of, stop_words_of
from searchsvc.results import (
    Correction,
    Explanation,
    FoundForm,
    Obstacle,
    ScorePart,
    Segment,
    WordFound,
    WordShare,
)
from searchsvc.store.document import PARTS, kin_with, term_hash
from searchsvc.store.records import Occurrences
from searchsvc.store.stored import Stored

NEAR = "near"
"""The part that is no evidence: a near match's score is squeezed under the last full match's (``search``)."""

REPRINT = "reprint"
"""What the score of a row has from its best article, if another of one text is shown (``folding``)."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "words": "слова в статье",
        "title": "слова в заголовке",
        "beginning": "слова в начале",
        "sentence": "слова в одном предложении",
        "window": "слова рядом",
        "form": "слова в той же форме",
        "name": "слова с большой буквы",
        "kin": "родственные слова",
        "stop": "служебные слова",
        "date": "свежесть",
        "meaning": "близость по смыслу",
        REPRINT: "лучше стоит перепечатка этой записи",
        NEAR: "сдвиг на место после статей, где есть всё",
    }
)
"""The parts of a score in Russian."""

BY_WORD = frozenset({"words", "title", "beginning", "form", "name", "kin", "stop"})
"""Parts that are sums over words; to the others words contribute together."""

STOP = "stop"

WITHOUT_WORDS = frozenset({"date", "meaning", NEAR, REPRINT})

SHOWN_CHARS = 120
"""A line and a half in a terminal: enough to recognise the sentence."""

_NOTHING = 1e-9  # less than this is an error of rounding


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains articles by one answer: what was asked, planned, matched, and the *scores* given by key.

    ``by_score`` says whether full matches were ordered by score, ``ranked`` which of them by evidence,
    ``row_count`` how many rows there are.
    """

    view: View
    asked: str
    effective: str
    corrections: tuple[Correction, ...]
    suggestions: tuple[str, ...]
    truncated: bool
    planned: Planned
    matches: Matches
    scores: Mapping[int, float]
    by_score: bool
    ranked: frozenset[int]
    row_count: int

    def rows(self, place: int, rows: Sequence[Row], stored: Mapping[int, Stored]) -> dict[int, Explanation]:
        """Explain what neighbouring rows show, of which the first is in *place*; by key."""
        return {
            row.shown.key: self.member(row.shown, row, place + number, stored[row.shown.key])
            for number, row in enumerate(rows)
            if row.shown.key in stored
        }

    def member(self, candidate: Candidate, row: Row, place: int, stored: Stored) -> Explanation:
        """Explain an article of a row in *place*, the one that is shown or one folded into it.

        One that is shown for a better reprint has the score of that.
        """
        lent = self.scores[row.best.key] if candidate is row.shown is not row.best else None
        ranked = row.best.key in self.ranked
        return replace(self._row(place, candidate, stored, lent, ranked), reprint_count=len(row.others))

    def absent(
        self, stored: Stored, missing: tuple[str, ...], obstacles: tuple[Obstacle, ...]
    ) -> Explanation:
        """Explain an article that is not among the rows."""
        hidden = any(obstacle.kind == "depth" for obstacle in obstacles)
        return self._explanation(
            stored, self._seen(stored).words(), match="full" if hidden else "none", missing=missing,
            obstacles=obstacles,
        )  # fmt: skip

    def _seen(self, stored: Stored) -> _Seen:
        return _Seen(self.planned, self.matches, self.view, stored)

    def _row(
        self, place: int, candidate: Candidate, stored: Stored, lent: float | None, ranked: bool
    ) -> Explanation:
        seen = self._seen(stored)
        full = not missing_units(self.planned, candidate.units)
        order: Literal["score", "engine", "date"] = "score"
        if full and not self.by_score:
            order = "date"
        elif not self.planned.words or (full and not ranked):
            order = "engine"
        score = None if order == "date" else self.scores[candidate.key]
        parts = seen.parts() if order == "score" else ()
        if order == "score" and candidate.key not in self.ranked and (full or not self.matches.full):
            score = sum(part.value for part in parts)  # perhaps a copy of the one that was ranked
        if order == "score" and score is not None and not full and self.matches.full:
            below = score - sum(part.value for part in parts)
            parts = (*parts, ScorePart(NEAR, LABELS[NEAR], below, ()))
        if score is not None and lent is not None:
            parts = (*parts, ScorePart(REPRINT, LABELS[REPRINT], lent - score, ())) if parts else ()
            score = lent
        return self._explanation(
            stored, seen.words(), match="full" if full else "near", order=order, place=place,
            score=score, parts=parts, missing=lacking(self.planned, candidate.units),
        )  # fmt: skip

    def _explanation(
        self,
        stored: Stored,
        words: tuple[WordFound, ...],
        *,
        match: Literal["full", "near", "none"],
        missing: tuple[str, ...],
        order: Literal["score", "engine", "date", ""] = "",
        place: int | None = None,
        score: float | None = None,
        parts: tuple[ScorePart, ...] = (),
        obstacles: tuple[Obstacle, ...] = (),
    ) -> Explanation:
        card = stored.card
        return Explanation(
            id=card.id,
            original=card.url,
            title=card.title,
            published=card.published,
            source_title=self.view.source_title(card.source),
            asked=self.asked,
            effective=self.effective,
            corrections=self.corrections,
            suggestions=self.suggestions,
            truncated=self.truncated,
            match=match,
            order=order,
            place=place,
            rows=self.row_count,
            total=self.matches.total,
            near_total=self.matches.near_total,
            documents=self.view.snapshot.documents,
            score=score,
            parts=parts,
            words=words,
            missing=missing,
            ignored=tuple(word.text for word in self.planned.words if word.weak),
            obstacles=obstacles,
            version=self.view.version,
        )


def missing_units(planned: Planned, units: int) -> tuple[str, ...]:
    """Return the units of the query that are not among the bits of *units*, as they were typed; of a
    hyphenated word of which some parts are there the others."""
    return tuple(unit.text for unit in _others(planned, units))


def lacking(planned: Planned, units: int) -> tuple[str, ...]:
    """Return the same with what was asked of each: an article may have a word, but not in its title."""
    return tuple(map(described, _others(planned, units)))


def _others(planned: Planned, units: int) -> list[Unit]:
    found: list[Unit] = []
    place = len(planned.units)
    for number, unit in enumerate(planned.units):
        if not units >> number & 1:
            parts = [part for bit, part in enumerate(unit.parts, place) if not units >> bit & 1]
            found += parts if 0 < len(parts) < len(unit.parts) else [unit]
        place += len(unit.parts)
    return found


def described(unit: Unit) -> str:
    """Return a unit with what was asked of it: «25 в заголовке», «школы в этой форме»."""
    clause = unit.clause
    if not isinstance(clause, AnyOf | Phrase):
        # A compound is asked for in several ways at once; of alternatives each may be asked for in its own.
        return f"{unit.text} в заголовке" if unit.query == IN_TITLE + unit.text else unit.query
    exact = isinstance(clause, AnyOf) and clause.field == FORMS
    in_title = exact and isinstance(clause, AnyOf) and clause.terms[0].startswith(title_form(""))
    return (
        unit.text
        + (" подряд" if isinstance(clause, Phrase) else " в этой форме" if exact else "")
        + (" в заголовке" if in_title or clause.field == TITLE else "")
    )


class _Seen:
    """What the second stage sees of a query's words in a document."""

    def __init__(self, planned: Planned, matches: Matches, view: View, stored: Stored) -> None:
        counts = matches.word_counts or (0,) * len(planned.words)  # of an answer that asked for nothing
        strong = [(word, n) for word, n in zip(planned.words, counts, strict=True) if not word.weak]
        self._words = [word for word, _ in strong]
        self._counts = [count for _, count in strong]
        self._weak = [(word, n) for word, n in zip(planned.words, counts, strict=True) if word.weak]
        self._matches = matches
        self._stored = stored
        records = view.generation.store.records
        self._found = records.occurrences(
            [stored.key], families_of(self._words), stop_words_of(planned.words)
        )
        self._nearness = view.generation.nearness([stored.key], planned.text)
        # In any form: an exact word is asked for in one, its other forms count for the score, too.
        words = [replace(word, exact=False) for word in self._words]
        (self._there,) = find_marks(words, self._found)
        (self._own,) = find_marks([replace(word, also=()) for word in words], self._found)
        (self._kin,) = find_marks([_kin(word, self._found) for word in words], self._found)

    def _evidence(self, numbers: Sequence[int], weak: Sequence[tuple[Word, int]] = ()) -> Floats:
        """Return the parts that some words give, *weak* ones with their number of articles."""
        words = [self._words[number] for number in numbers] + [word for word, _ in weak]
        counts = [self._counts[number] for number in numbers] + [count for _, count in weak]
        statistics = Statistics(self._matches.documents, self._matches.average_length, counts)
        return evidence(words, self._found, statistics, nearness=self._nearness)[:, 0]

    def parts(self) -> tuple[ScorePart, ...]:
        """Return the parts of the document's score, those that gave nothing too."""
        every = range(len(self._words))
        values = self._evidence(every, self._weak).tolist()
        alone = [(self._words[number].text, self._evidence([number]).tolist()) for number in every]
        # A stop word gives something beside others only, and that to a part of its own.
        stop = [(one[0].text, self._evidence(every, [one]).tolist()) for one in self._weak]
        found = []
        for part, (name, value) in enumerate(zip(PARTS_OF_SCORE, values, strict=True)):
            shares: list[WordShare] = []
            if name in BY_WORD:
                gave = stop if name == STOP else alone
                shares = [WordShare(text, own[part]) for text, own in gave if own[part] > _NOTHING]
            elif name not in WITHOUT_WORDS:
                shares = [WordShare(self._words[n].text, None) for n in self._together(part, value)]
            found.append(ScorePart(name, LABELS[name], value, tuple(shares)))
        return tuple(found)

    def _together(self, part: int, value: float) -> list[int]:
        """Return as few words as alone give a part its *value*, the first where others would do as well."""
        needed = sorted({*self._there.words, *self._kin.words}) if value > _NOTHING else []
        for number in reversed(needed):
            rest = [one for one in needed if one != number]
            if self._evidence(rest)[part] > value - _NOTHING:
                needed = rest
        return needed

    def words(self) -> tuple[WordFound, ...]:
        """Return where each word stands in the document."""
        return tuple(map(self._found_of, range(len(self._words))))

    def _found_of(self, number: int) -> WordFound:
        word, stored = self._words[number], self._stored
        marks = _of_word(self._there, number)
        forms = _forms(word, marks, stored.text)
        state: Literal["exact", "form", "synonym", "kin", "absent"] = "absent"
        if number in self._own.words:
            state = "exact" if any(form.same for form in forms) else "form"
        elif marks.starts:
            state = "synonym"
        elif number in self._kin.words:
            state = "kin"
            marks = _of_word(self._kin, number)
            forms = _forms(word, marks, stored.text)
        places = ((name, marks.parts.count(part)) for part, name in enumerate(PARTS))
        return WordFound(
            word=word.text,
            state=state,
            articles=self._counts[number],
            places=tuple((name, count) for name, count in places if count),
            forms=forms,
            shown=_shown(marks, stored),
        )


def _kin(word: Word, found: Occurrences) -> Word:
    """Return a word of all the lemmas of *word*'s kin that stand in *found*."""
    lemmas = found.lemma[kin_with(found.family, word.families)]
    return replace(word, lemmas=frozenset(lemmas.tolist()), also=())


def _of_word(marks: Marks, number: int) -> Marks:
    """Return the marks of one word, once for each place."""
    rows = {start: row for row, start in enumerate(marks.starts) if marks.words[row] == number}
    columns = (marks.starts, marks.stops, marks.words, marks.parts)
    return Marks(*([column[row] for row in rows.values()] for column in columns))


def _forms(word: Word, marks: Marks, text: str) -> tuple[FoundForm, ...]:
    """Count the forms at *marks*, most frequent first, in the spelling that comes first."""
    spelled: dict[str, str] = {}
    counts: dict[str, int] = {}
    for start, stop in zip(marks.starts, marks.stops, strict=True):
        folded = folded_form(text[start:stop])
        spelled.setdefault(folded, text[start:stop])
        counts[folded] = counts.get(folded, 0) + 1
    return tuple(
        FoundForm(spelled[folded], counts[folded], term_hash(folded) == word.form)
        for folded in sorted(counts, key=lambda folded: -counts[folded])
    )


def _shown(marks: Marks, stored: Stored) -> tuple[Segment, ...]:
    """Return the text around a word: the title, else where it stands most often."""
    title, tags = stored.card.title, tag_line(stored.card.tags)
    names = [PARTS[part] for part in marks.parts]
    if "title" in names:
        return title_segments(stored.text, title, marks)
    if "lead" in names or "body" in names:
        return snippet(stored.text, title, tags, marks, size=SHOWN_CHARS)
    return ()

"""Development sets made of a set with known items, in BEIR layout, by rule and always the same.

    PYTHONPATH=.:tests python -m bench.sets OUT [--known-item SET] [--similar SET] [--treebank LEMMAS.tsv]

Without ``--known-item`` the texts are those of the sample. SET of ``--similar`` has ``docs.jsonl`` and
``pairs.tsv``. The treebank's sentences (``sent_id form lemma upos``) and the news are what the questions of
``tests/questions/written.tsv`` are about: sets of them are made where ``--treebank`` is given.

For ``searchsvc evaluate search OUT/NAME``, each from the words of a text to that text:

    title            a title to its text without it, and to its partners (of --similar)
    inner            2-4 words of an inner sentence in other forms to the text
    damaged          a sentence without some words, others in other forms, to the text without it
    made-sentences   a question made of 2-3 words of a sentence to the sentence
    made-paragraphs  the same to the paragraph
    sentence         a sentence to its paragraph without it
    own-sentences    a question in words of its own to the sentence, kinds old and fresh
    own-paragraphs   the same to the paragraph
    sample           the sample and its judged queries

For ``searchsvc evaluate similar OUT/NAME``: ``halves`` (first and second half of a text), ``alternate``
(every second sentence and the others), ``topics`` (articles of the sample that answer one judged query).

Besides ``OUT/clean.jsonl``, the queries of SET/queries-noisy.jsonl without their faults, and
``OUT/questions.tsv``, correct questions for ``searchsvc evaluate corrections``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from indexer.evaluate import judged_set
from searchsvc.evaluation import read_rows

from .inquiry import Inquirer, content_words, pieces, sentences, words_of

SEED = 20251128
"""Of all draws, in the order of ``SETS``: a set less or a text more, and those after it are others."""

QUESTIONS = Path(__file__).parents[1] / "questions"
WRITTEN = QUESTIONS / "written.tsv"
NOISY = "queries-noisy.jsonl"
PARAGRAPH = 60
"""Characters of the shortest paragraph."""
TEXTS_IN_SENTENCES = 330
ASKED = 600
MOST_ON_A_TOPIC = 8
"""Queries of the sample with more right answers than that are too wide for a topic."""


@dataclass(frozen=True, slots=True)
class Text:
    """A document: of the news, or a piece of it."""

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with the grades of its answers."""

    id: str
    text: str
    grades: dict[str, int]
    kind: str = ""


Made = tuple[Sequence[Text], Sequence[Asked]]


def build(
    out: Path, news: Path | None = None, similar: Path | None = None, treebank: Path | None = None
) -> dict[str, tuple[int, int]]:
    """Write the sets into folders of *out*; return how many documents and queries (or pairs) each has."""
    with judged_set(news) as folder:
        texts = _texts(folder / "corpus.jsonl")
    known = _texts(similar / "docs.jsonl") if similar else []
    bare = [Text(text.id, text.text) for text in (*texts, *known)]
    inquirer = Inquirer(random.Random(SEED))
    made: dict[str, Made] = {}
    if similar:
        made["title"] = titles(known, similar / "pairs.tsv")
    made["inner"] = inner(bare, inquirer)
    made["damaged"] = damaged(bare, inquirer)
    made["made-sentences"] = made_sentences(texts, inquirer)
    paragraphs = _paragraphs(texts)
    made["made-paragraphs"] = made_paragraphs(paragraphs, inquirer)
    made["sentence"] = without_sentence(paragraphs, inquirer)
    if treebank:
        made |= written([*_sentences(bare), *_treebank(treebank)], paragraphs)
    found = {}
    for name, (corpus, queries) in made.items():
        write_search(out / name, corpus, queries)
        found[name] = (len(corpus), len(queries))
    for name, (docs, pairs) in split(texts).items():
        write_similar(out / name, docs, pairs)
        found[name] = (len(docs), len(pairs))
    with judged_set(None) as sample:
        shutil.copytree(sample, out / "sample", dirs_exist_ok=True)
    if news and (news / NOISY).exists():
        rows = read_rows(news / NOISY, "clean", "kind")
        clean = [{"_id": row["_id"], "text": row["clean"], "kind": row["kind"]} for row in rows]
        _write_rows(out / "clean.jsonl", clean)
    correct = (QUESTIONS / "questions.txt").read_text(encoding="utf-8").splitlines()
    rows_of = [(line, line) for line in correct if line and not line.startswith("#")]
    _write_lines(out / "questions.tsv", [("typed", "wanted"), *rows_of])
    number = write_topics(out / "topics")
    return found | {"topics": (number, number * (number - 1) // 2)}


# --- for search ------------------------------------------------------------------------------


def titles(texts: Sequence[Text], pairs: Path) -> Made:
    """A title is to find its text (2) and the texts of the same story (1)."""
    grades = {text.id: {text.id: 2} for text in texts}
    for line in pairs.read_text(encoding="utf-8").splitlines()[1:]:
        one, other, same = line.split("\t")
        if same == "1":
            grades[one].setdefault(other, 1)
            grades[other].setdefault(one, 1)
    asked = [Asked(text.id, text.title, grades[text.id]) for text in texts]
    return [Text(text.id, text.text) for text in texts], asked


def inner(texts: Sequence[Text], inquirer: Inquirer) -> Made:
    """Words of a sentence that is not among the first two."""
    asked = []
    for text in texts:
        some = [one for one in sentences(text.text)[2:] if len(content_words(one)) >= 5]
        if some:
            words = inquirer.some_words(inquirer.choice(some))
            asked.append(Asked(text.id, words, {text.id: 1}))
    return texts, asked


def damaged(texts: Sequence[Text], inquirer: Inquirer) -> Made:
    """A sentence that is not the first, with faults, to a text that lacks it."""
    corpus, asked = [], []
    for text in texts:
        every = sentences(text.text)
        some = [one for one in every[1:] if 7 <= len(content_words(one)) <= 25]
        if len(every) < 4 or not some:
            corpus.append(text)
            continue
        taken = inquirer.choice(some)
        asked.append(Asked(text.id, inquirer.damaged(taken), {text.id: 1}))
        corpus.append(Text(text.id, text.text.replace(taken, " ")))
    return corpus, asked


def made_sentences(texts: Sequence[Text], inquirer: Inquirer) -> Made:
    """Questions to single sentences of some of the texts."""
    corpus = _sentences(inquirer.sample(texts, TEXTS_IN_SENTENCES))
    drawn = [one for one in inquirer.sample(corpus, 900) if len(content_words(one.text)) >= 6]
    return corpus, _asked(drawn, (inquirer.question(one.text) for one in drawn))


def made_paragraphs(paragraphs: Sequence[Text], inquirer: Inquirer) -> Made:
    """Questions made of one sentence to its paragraph."""
    drawn = [(one, _long(one.text, 6)) for one in inquirer.sample(paragraphs, 1000)]
    drawn = [(one, some) for one, some in drawn if some]
    questions = (inquirer.question(inquirer.choice(some)) for _, some in drawn)
    return paragraphs, _asked([one for one, _ in drawn], questions)


def without_sentence(paragraphs: Sequence[Text], inquirer: Inquirer) -> Made:
    """A sentence as it is to the paragraph that lacks it."""
    able = [one for one in paragraphs if len(sentences(one.text)) >= 3 and len(one.text) > 250]
    drawn = {one.id for one in inquirer.sample(able, ASKED)}
    corpus, asked = [], []
    for one in paragraphs:
        some = _long(one.text, 5)
        if one.id not in drawn or not some:
            corpus.append(one)
            continue
        taken = inquirer.choice(some)
        asked.append(Asked(one.id, taken, {one.id: 1}))
        corpus.append(Text(one.id, one.text.replace(taken, " ")))
    return corpus, asked


def written(every: Sequence[Text], paragraphs: Sequence[Text]) -> dict[str, Made]:
    """The questions written by hand, to their sentences and to the paragraphs that have these.

    Raises:
        ValueError: a sentence is not there, so that these are other texts.
    """
    texts = {one.id: one.text for one in every}
    missing = [sentence for _, sentence, _ in read_written() if sentence not in texts]
    if missing:
        raise ValueError(f"{WRITTEN.name} asks about other texts: no sentence {missing[0]}")
    of_text: dict[str, list[Text]] = {}
    for one in paragraphs:
        of_text.setdefault(one.id.rpartition("-")[0], []).append(one)
    to_sentences, to_paragraphs = [], []
    for number, (when, sentence, question) in enumerate(read_written()):
        to_sentences.append(Asked(str(number), question, {sentence: 1}, when))
        near = of_text.get(sentence.rpartition("-")[0], ())
        has = next((one.id for one in near if texts[sentence] in one.text), None)
        if has:
            to_paragraphs.append(Asked(str(number), question, {has: 1}, when))
    return {"own-sentences": (every, to_sentences), "own-paragraphs": (paragraphs, to_paragraphs)}


def read_written() -> list[tuple[str, str, str]]:
    """Return when each question was written, the sentence it is about, and the question."""
    lines = WRITTEN.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(when, sentence, question) for when, sentence, question in rows[1:]]


def _asked(answers: Sequence[Text], questions: Iterable[str | None]) -> list[Asked]:
    pairs = zip(answers, list(questions), strict=True)
    return [Asked(one.id, question, {one.id: 1}) for one, question in pairs if question][:ASKED]


def _long(text: str, words: int) -> list[str]:
    return [one for one in sentences(text) if len(content_words(one)) >= words]


def _sentences(texts: Iterable[Text]) -> list[Text]:
    return [
        Text(f"{text.id}-{number}", one)
        for text in texts
        for number, one in enumerate(sentences(text.text))
        if len(words_of(one)) >= 4
    ]


def _paragraphs(texts: Iterable[Text]) -> list[Text]:
    return [
        Text(f"{text.id}-{number}", line)
        for text in texts
        for number, line in enumerate(
            line.strip() for line in text.text.splitlines() if len(line.strip()) >= PARAGRAPH
        )
    ]


def _treebank(path: Path) -> list[Text]:
    """Join the words of each sentence, with spaces where Russian has them."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        name, form, _, part = line.split("\t")
        text = found.get(name, "")
        close = not text or text[-1] in "(«" or (part == "PUNCT" and form not in '(«"—–')
        found[name] = text + ("" if close else " ") + form
    return [Text(name, text) for name, text in found.items()]


# --- for similar articles --------------------------------------------------------------------

Paired = tuple[Sequence[Text], Sequence[tuple[str, str, int]]]


def split(texts: Sequence[Text]) -> dict[str, Paired]:
    """Each text of four sentences or more in two parts, in two ways."""
    made = {}
    for name in ("halves", "alternate"):
        docs, pairs = [], []
        for text in texts:
            every = pieces(text.text)
            if len(every) < 4:
                continue
            half = len(every) // 2
            parts = (every[:half], every[half:]) if name == "halves" else (every[::2], every[1::2])
            docs += [Text(text.id + end, "\n".join(part)) for end, part in zip("ab", parts, strict=True)]
            pairs.append((f"{text.id}a", f"{text.id}b", 1))
        made[name] = (docs, pairs)
    return made


def write_topics(out: Path) -> int:
    """Write all pairs of articles of the sample, the same where both answer one query (grades 2 and 3).

    Return how many articles these are.
    """
    with judged_set(None) as folder:
        rows = (folder / "corpus.jsonl").read_text(encoding="utf-8")
        lines = (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    answers: dict[str, set[str]] = {}
    for query, article, grade in (line.split("\t") for line in lines):
        if int(grade) >= 2:
            answers.setdefault(query, set()).add(article)
    few = [found for found in answers.values() if len(found) <= MOST_ON_A_TOPIC]
    same = {pair for found in few for pair in combinations(sorted(found), 2)}
    names = sorted(json.loads(row)["_id"] for row in rows.splitlines())
    out.mkdir(parents=True, exist_ok=True)
    (out / "docs.jsonl").write_text(rows, encoding="utf-8")  # with tags and dates
    pairs = [(one, other, str(int((one, other) in same))) for one, other in combinations(names, 2)]
    _write_lines(out / "pairs.tsv", [("a", "b", "same"), *pairs])
    return len(names)


# --- files -----------------------------------------------------------------------------------


def _texts(path: Path) -> list[Text]:
    rows = read_rows(path, "text")
    return [Text(str(row["_id"]), str(row["text"]), str(row.get("title") or "")) for row in rows]


def write_search(folder: Path, corpus: Sequence[Text], asked: Sequence[Asked]) -> None:
    """Write a set in BEIR layout."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "corpus.jsonl", [_row(text) for text in corpus])
    _write_rows(
        folder / "queries.jsonl",
        [{"_id": one.id, "text": one.text} | ({"kind": one.kind} if one.kind else {}) for one in asked],
    )
    grades = [(one.id, found, str(grade)) for one in asked for found, grade in one.grades.items()]
    _write_lines(folder / "qrels.tsv", [("query-id", "corpus-id", "score"), *grades])


def write_similar(folder: Path, docs: Sequence[Text], pairs: Sequence[tuple[str, str, int]]) -> None:
    """Write a set of judged pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "docs.jsonl", [_row(text) for text in docs])
    rows = [(one, other, str(same)) for one, other, same in pairs]
    _write_lines(folder / "pairs.tsv", [("a", "b", "same"), *rows])


def _row(text: Text) -> dict[str, str]:
    return {"_id": text.id, "title": text.title, "text": text.text}


def _write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    lines = [f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def _write_lines(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Write the sets and say how large each is."""
    parser = argparse.ArgumentParser(
        prog="bench.sets", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--known-item", type=Path, metavar="SET")
    parser.add_argument("--similar", type=Path, metavar="SET")
    parser.add_argument("--treebank", type=Path, metavar="LEMMAS.tsv")
    given = parser.parse_args(arguments)
    for name, (documents, asked) in build(given.out, given.known_item, given.similar, given.treebank).items():
        print(f"{name:16} {documents:6} {asked:6}")


if __name__ == "__main__":
    main()

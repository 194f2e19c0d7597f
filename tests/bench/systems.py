"""What is compared, behind one small interface: ours on each engine, and what others would write by hand.

All index the same lemmas and keep no texts. All are asked for the total and the keys of the first
``depth`` in order of relevance (naive Whoosh for a page of ten, as its tutorial has it), and where a
search counts facets, for the counts. What a system cannot be asked is in ``cannot``.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.prepared import FILTERED, Prepared
from searchsvc.engine import FORMS, TEXT, TITLE, AnyOf, Clause, Either, Plan
from searchsvc.engine import Sequence as Phrase
from searchsvc.results import FACETS

K1, B = 1.2, 0.75
PART_WEIGHTS = (3.0, 1.5, 1.0, 1.5)


class System(ABC):
    """An index in a folder that is built in one go and then read."""

    package = ""
    """The distribution whose version is told."""

    cannot: frozenset[str] = frozenset()
    """Types of search it has no means for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def create(self) -> None:
        """Make ready to add."""

    @abstractmethod
    def add(self, article: Prepared) -> None:
        """Add an article."""

    @abstractmethod
    def finish(self) -> None:
        """Bring everything to the disk."""

    @abstractmethod
    def open(self) -> None:
        """Make ready to be asked."""

    @abstractmethod
    def ask(self, plan: Plan) -> int | None:
        """Search; return how many articles match, None where the system does not tell."""


class Ours(System):
    """An engine behind our contract."""

    engine = ""

    def create(self) -> None:
        self._engine().create()
        self._writer = self._engine().writer()

    def add(self, article: Prepared) -> None:
        self._writer.add(article.entry)

    def finish(self) -> None:
        with self._writer:
            self._writer.commit("1")

    def open(self) -> None:
        self._snapshot = self._engine().snapshot()

    def ask(self, plan: Plan) -> int:
        return self._snapshot.search(plan).total

    def _engine(self) -> Any:
        from searchsvc.engines import open_engine

        return open_engine(self.engine, self.folder)


class OursOnWhoosh(Ours):
    engine, package = "whoosh", "Whoosh-Reloaded"


class OursOnTantivy(Ours):
    engine, package = "tantivy", "tantivy"


def _options(clause: Clause) -> list[list[str]]:
    """Return *clause* as alternatives, each a run of words: one word, or more of a phrase."""
    if isinstance(clause, AnyOf):
        return [[term] for term in clause.terms]
    if isinstance(clause, Phrase):
        return [list(terms) for terms in itertools.product(*(terms for _, terms in clause.steps))]
    return [run for option in clause.options for run in _options(option)]


def _written(plan: Plan) -> str:
    """Return the plan in the query language that Whoosh and FTS5 share."""
    units = ((f'"{" ".join(run)}"' for run in _options(unit)) for unit in plan.units)
    return " AND ".join(f"({' OR '.join(unit)})" for unit in units)


class NaiveWhoosh(System):
    """Whoosh as its tutorial shows it: a field for each part, one lemma a word, groupedby."""

    package = "Whoosh-Reloaded"

    def create(self) -> None:
        from whoosh import analysis, fields, index

        def text() -> Any:
            return fields.TEXT(analyzer=analysis.SpaceSeparatedTokenizer())

        schema = fields.Schema(
            key=fields.NUMERIC(stored=True, unique=True),
            **{name: text() for name in ("title", "lead", "body", "tags")},
            **{name: fields.ID(sortable=True) for name in FACETS},
            day=fields.NUMERIC(sortable=True),
        )
        self.folder.mkdir(parents=True)
        self._writer = index.create_in(str(self.folder), schema).writer()

    def add(self, article: Prepared) -> None:
        entry = article.entry
        title, lead, body, tags = article.texts
        self._writer.add_document(
            key=entry.key,
            title=title,
            lead=lead,
            body=body,
            tags=tags,
            source=entry.source,
            category=entry.categories[0],
            year=str(entry.year),
            day=entry.day,
        )

    def finish(self) -> None:
        self._writer.commit()

    def open(self) -> None:
        from whoosh import index, qparser

        opened = index.open_dir(str(self.folder))
        self._searcher = opened.searcher()
        self._parser = qparser.MultifieldParser(["title", "lead", "body", "tags"], opened.schema)

    def ask(self, plan: Plan) -> int:
        from whoosh.query import NumericRange

        options: dict[str, Any] = {"groupedby": list(plan.facets)} if plan.facets else {}
        if plan.days:
            options["filter"] = NumericRange("day", *plan.days)
        found = self._searcher.search(
            self._parser.parse(_written(plan).replace('"', _quotes(plan))), **options
        )
        for hit in found:
            hit["key"]
        for name in plan.facets:
            found.groups(name)
        return len(found)


def _quotes(plan: Plan) -> str:
    """Return the quotes that Whoosh needs: of one word its parser would make a slower phrase."""
    return '"' if any(len(run) > 1 for unit in plan.units for run in _options(unit)) else ""


class RawTantivy(System):
    """tantivy-py by hand: the terms and positions that ours has, no weights, no order beyond its scores."""

    package = "tantivy"

    def create(self) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        for name in (TEXT, TITLE):
            builder.add_text_field(name, tokenizer_name="raw", index_option="position")
        for name in (FORMS, "tag", *FACETS):
            builder.add_text_field(name, fast=name in FACETS, tokenizer_name="raw", index_option="basic")
        for name in ("key", "length", "stamp", "day"):
            builder.add_integer_field(name, fast=True)
        self.folder.mkdir(parents=True)
        self._index = tantivy.Index(builder.build(), path=str(self.folder))
        self._writer: Any = self._index.writer(256 * 2**20, 1)

    def add(self, article: Prepared) -> None:
        import tantivy

        entry = article.entry
        made = tantivy.Document()
        text = {term: at for term, (_, at) in entry.text.items()}
        for name, seats in ((TEXT, text), (TITLE, entry.title)):
            tokens = [tantivy.Token(term, place, 0, 0) for term, at in seats.items() for place in at]
            made.add_pre_tokenized_text(name, tantivy.PreTokenizedString("", tokens))
        for name, values in ((FORMS, entry.forms), ("tag", entry.tags), ("category", entry.categories)):
            for value in values:
                made.add_text(name, value)
        made.add_text("source", entry.source)
        made.add_text("year", str(entry.year))
        for name in ("key", "length", "stamp", "day"):
            made.add_integer(name, getattr(entry, name))
        self._writer.add_document(made)

    def finish(self) -> None:
        self._writer.commit()
        self._writer.wait_merging_threads()

    def open(self) -> None:
        import tantivy

        self._opened = tantivy.Index.open(str(self.folder))
        self._searcher = self._opened.searcher()

    def ask(self, plan: Plan) -> int:
        from tantivy import FieldType, Occur, Query

        schema = self._opened.schema
        must = [(Occur.Must, self._query(unit)) for unit in plan.units]
        if plan.days:
            inside = Query.range_query(schema, "day", FieldType.Integer, *plan.days)
            must.append((Occur.Must, Query.const_score_query(inside, 0.0)))
        query = must[0][1] if len(must) == 1 else Query.boolean_query(must)
        found = self._first(query, plan.depth)
        if len(plan.units) > 1 and found.count < plan.near_below:  # then those with any word, too
            self._first(Query.boolean_query([(Occur.Should, unit) for _, unit in must]), plan.near_limit)
        if plan.facets:
            wanted = {name: {"terms": {"field": name, "size": 1000}} for name in plan.facets}
            self._searcher.aggregate(query, wanted)
        return int(found.count)

    def _first(self, query: Any, depth: int) -> Any:
        found = self._searcher.search(query, depth)
        self._searcher.fast_field_values("key", [address for _, address in found.hits])
        return found

    def _query(self, clause: Clause) -> Any:
        from tantivy import Query

        schema = self._opened.schema
        if isinstance(clause, AnyOf):
            made = [Query.term_query(schema, clause.field, term) for term in clause.terms]
        elif isinstance(clause, Either):
            made = [self._query(option) for option in clause.options]
        else:
            offsets = [offset for offset, _ in clause.steps]
            made = [
                Query.phrase_query(schema, clause.field, list(zip(offsets, run, strict=True)))
                for run in _options(clause)
            ]
        return made[0] if len(made) == 1 else Query.disjunction_max_query(made)


class Fts5(System):
    """SQLite FTS5: a column for each part, bm25() with their weights, a table beside it for facets."""

    _BEST = f"""
        SELECT entry.rowid FROM entry JOIN about ON about.rowid = entry.rowid
        WHERE entry MATCH :text AND about.day BETWEEN :since AND :until
        ORDER BY bm25(entry, {", ".join(map(str, PART_WEIGHTS))}) LIMIT :depth"""
    _BEST_OF_ALL = f"""
        SELECT rowid FROM entry WHERE entry MATCH :text
        ORDER BY bm25(entry, {", ".join(map(str, PART_WEIGHTS))}) LIMIT :depth"""
    _COUNT = "SELECT count(*) FROM entry WHERE entry MATCH :text"
    _FACETS = """
        WITH found AS MATERIALIZED (
            SELECT about.* FROM entry JOIN about ON about.rowid = entry.rowid
            WHERE entry MATCH :text AND about.day BETWEEN :since AND :until)
        SELECT 'all', 'all', count(*) FROM found
        """ + " ".join(
        f"UNION ALL SELECT '{name}', {name}, count(*) FROM found GROUP BY {name}" for name in FACETS
    )

    def create(self) -> None:
        self.folder.mkdir(parents=True)
        self._database = self._connect()
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE VIRTUAL TABLE entry USING fts5(title, lead, body, tags, content='', "
            "tokenize='unicode61 remove_diacritics 0')"
        )
        self._database.execute("CREATE TABLE about (source TEXT, category TEXT, year TEXT, day INTEGER)")

    def add(self, article: Prepared) -> None:
        entry = article.entry
        self._database.execute(
            "INSERT INTO entry (rowid, title, lead, body, tags) VALUES (?, ?, ?, ?, ?)",
            (entry.key, *article.texts),
        )
        self._database.execute(
            "INSERT INTO about (rowid, source, category, year, day) VALUES (?, ?, ?, ?, ?)",
            (entry.key, entry.source, entry.categories[0], str(entry.year), entry.day),
        )

    def finish(self) -> None:
        self._database.execute("INSERT INTO entry (entry) VALUES ('optimize')")
        self._database.commit()
        self._database.close()

    def open(self) -> None:
        self._database = self._connect()

    def ask(self, plan: Plan) -> int:
        since, until = plan.days or (0, 0)
        asked = {"text": _written(plan), "since": since, "until": until, "depth": plan.depth}
        self._database.execute(self._BEST if plan.days else self._BEST_OF_ALL, asked).fetchall()
        rows = self._database.execute(self._FACETS if plan.facets else self._COUNT, asked).fetchall()
        return int(rows[0][-1])

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "fts5.db")


class Bm25s(System):
    """bm25s: scores ready in a sparse matrix. It knows words and the best documents, nothing else: no
    phrases, no "all words", no filters, no totals."""

    package = "bm25s"
    cannot = frozenset({"all words", "frequent words", "phrase", FILTERED})

    def create(self) -> None:
        self._vocabulary: dict[str, int] = {}
        self._tokens: list[list[int]] = []

    def add(self, article: Prepared) -> None:
        known = self._vocabulary
        words = " ".join(article.texts).split()
        self._tokens.append([known.setdefault(word, len(known)) for word in words])

    def finish(self) -> None:
        import bm25s

        index = bm25s.BM25(k1=K1, b=B)
        index.index((self._tokens, self._vocabulary), show_progress=False)
        index.save(str(self.folder))

    def open(self) -> None:
        import bm25s

        self._index = bm25s.BM25.load(str(self.folder), mmap=True)
        sizes = json.loads((self.folder / "params.index.json").read_text(encoding="utf-8"))
        self._documents = int(sizes["num_docs"])

    def ask(self, plan: Plan) -> None:
        words = [run[0] for unit in plan.units for run in _options(unit)]
        known = [word for word in words if word in self._index.vocab_dict]
        self._index.retrieve([known], k=min(plan.depth, self._documents), show_progress=False)


SYSTEMS: dict[str, type[System]] = {
    "whoosh": OursOnWhoosh,
    "tantivy": OursOnTantivy,
    "naive": NaiveWhoosh,
    "raw": RawTantivy,
    "fts5": Fts5,
    "bm25s": Bm25s,
}

TITLES = {
    "whoosh": "ours on Whoosh",
    "tantivy": "ours on Tantivy",
    "naive": "naive Whoosh",
    "raw": "raw tantivy-py",
    "fts5": "SQLite FTS5",
    "bm25s": "bm25s",
}

ENGINES = ("whoosh", "tantivy")
Build = Callable[[Path], System]

"""A tiny archive with its index, and what must hold of the two together."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from corpus.archive import Archive
from corpus.article import Article, Paragraph, Source
from indexer.pipeline import RebuildReport, SyncReport, purge, rebuild, rollback, sync
from searchsvc.analysis import Analyzer
from searchsvc.document import Document, make_document
from searchsvc.engine import AnyOf, Plan, Snapshot
from searchsvc.engines.whoosh.segments import INDEX_NAME
from searchsvc.generation import Generation
from searchsvc.generations import Generations
from searchsvc.live import View
from searchsvc.signatures import Signatures

ARTICLES = 30
SITE = Source("iro.example", "https://iro.example", "import", "Институт развития образования")
_START = datetime(2024, 9, 1, 10, 0, tzinfo=timezone(timedelta(hours=5)))
_WORDS = re.findall(
    r"\w+",
    "школа учитель экзамен олимпиада педагог конкурс лицей гимназия колледж университет стипендия урок "
    "математика физика литература история выпускник первоклассник директор методист семинар конференция "
    "образование воспитание расписание библиотека лаборатория учебник аттестат наставник",
)


def draft(number: int, text: str = "") -> Article:
    """Return article *number*; its words depend on nothing else, *text* follows them."""
    chance = random.Random(number)
    words = chance.choices(_WORDS, k=chance.randint(8, 25))
    return Article(
        id=f"a{number:03}",
        source=SITE.id,
        url=f"https://iro.example/{number}/",
        title=f"Запись {number}: {words[0]} и {words[1]}",
        lead=f"Лид записи {number}",
        body=(Paragraph(" ".join(words)), Paragraph(text)) if text else (Paragraph(" ".join(words)),),
        published=_START + timedelta(days=number),
        categories=("События" if number % 2 else "Приказы",),
        tags=(words[2],),
    )


def document(article: Article, analyzer: Analyzer, revision: int = 1) -> Document:
    """Return *article* analysed."""
    return make_document(article, revision, analyzer)


@dataclass(frozen=True, slots=True)
class Bed:
    """An archive and the index made of it, in one data folder."""

    folder: Path
    archive: Archive
    generations: Generations
    analyzer: Analyzer
    engine: str = "whoosh"

    @classmethod
    def open(
        cls, folder: Path, analyzer: Analyzer, index: Path | None = None, *, engine: str = "whoosh"
    ) -> Bed:
        """Open the bed in *folder*, making it where there is none; *index* may lie elsewhere."""
        archive = Archive.open(folder / "archive.db")
        archive.add_source(SITE)
        return cls(folder, archive, Generations(index or folder / "index"), analyzer, engine)

    @property
    def index(self) -> Path:
        """The folder of generations."""
        return self.generations.folder

    def put(self, numbers: Iterable[int], text: str = "") -> None:
        """Put articles into the archive, in one transaction."""
        with self.archive.batch():
            for number in numbers:
                self.archive.put(draft(number, text))

    def remove(self, *numbers: int) -> None:
        """Remove articles from the archive."""
        for number in numbers:
            assert self.archive.remove(draft(number).id, "снята")

    def sync(self) -> SyncReport:
        """Bring the index in step."""
        return sync(self.archive, self.generations, self.analyzer)

    def rebuild(self, *, accept_loss: bool = False) -> RebuildReport:
        """Build and publish a generation."""
        return rebuild(
            self.archive, self.generations, self.analyzer, engine=self.engine, accept_loss=accept_loss
        )

    def rollback(self) -> SyncReport:
        """Publish the previous generation."""
        return rollback(self.archive, self.generations, self.analyzer)

    def purge(self, article: str) -> str:
        """Destroy an article everywhere."""
        return purge(self.archive, self.generations, self.analyzer, article)

    def found(self, word: str) -> list[str]:
        """Return the ids of the articles that have *word*, by id, as the published index answers."""
        with closing(self.generations.current()) as generation:
            return found(generation, word, self.analyzer)

    def assert_in_step(self) -> None:
        """The published index is what the archive says, in every one of its books."""
        with closing(self.generations.current()) as generation:
            assert generation.sequence() == self.archive.last_sequence()
            assert_holds(generation, dict(self.archive.articles()), self.analyzer)
        left = leftovers(self.index)
        assert left == [], left


def told(view: View) -> str:
    """Return the version token without the birth of its generation."""
    name, _, rest = view.version.partition("-")
    return name + rest[8:]


def found(generation: Generation, word: str, analyzer: Analyzer) -> list[str]:
    """Return the ids of the articles of *generation* that have *word*, by id."""
    plan = Plan(units=(AnyOf(analyzer.lemmas(word)),), near_below=0)
    keys = [candidate.key for candidate in generation.engine.snapshot().search(plan).full]
    return sorted(stored.card.id for stored in generation.store.documents(keys).values())


def shown(generation: Generation, snapshot: Snapshot) -> dict[str, str]:
    """Return the text of every article that *snapshot* finds."""
    matches = snapshot.search(Plan(near_below=0))
    stored = generation.store.documents([candidate.key for candidate in matches.full])
    assert len(stored) == matches.total == snapshot.documents
    return {item.card.id: item.text for item in stored.values()}


def assert_holds(generation: Generation, articles: Mapping[Article, int], analyzer: Analyzer) -> None:
    """Engine, documents, lexicon and neighbours of *generation* are those of *articles* (with revisions)."""
    store, sequence = generation.store, generation.sequence()
    assert store.contents(sequence) == {article.id: revision for article, revision in articles.items()}
    assert shown(generation, generation.engine.snapshot()) == {one.id: one.text for one in articles}
    documents = [document(article, analyzer, revision) for article, revision in articles.items()]
    for one in documents:
        assert store.article(one.article.id, sequence) == one.article
    assert lexicon(generation.folder / "store.db") == recount(documents)
    store.renew()
    assert {entry.form for entry in store.lexicon().beginning("")} == set(recount(documents))
    with closing(sqlite3.connect(generation.folder / "store.db")) as connection:
        present = {row[0] for row in connection.execute("SELECT key FROM document WHERE until IS NULL")}
        stored = {row[0] for row in connection.execute("SELECT key FROM document")}
        lists = dict(connection.execute("SELECT key, list FROM neighbour"))
    assert present <= lists.keys() <= stored  # an article that is like no other has an empty list
    with closing(Signatures(generation.folder)) as signatures:
        keys = np.array(sorted(present), np.int64)
        assert signatures.slots(keys)["weight"].any(axis=1).all()
    names = {article.id for article in articles}
    for one in articles:
        assert {other.article for other in store.nearest(one.id, sequence).neighbours} <= names - {one.id}


def lexicon(path: Path) -> dict[str, int]:
    """Return the counts of forms that a store keeps."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT form, total(documents) FROM form GROUP BY form"))


def recount(documents: Iterable[Document]) -> dict[str, int]:
    """Return the counts of forms as they are in *documents*."""
    return dict(Counter(form for one in documents for form in one.forms()))


def leftovers(index: Path) -> list[str]:
    """Return the files under *index* that no published state and no lock needs.

    A killed holder's note stays beside its lock until that is next held; nobody reads it before.
    """
    pointer = json.loads((index / "current.json").read_text())
    names = {pointer["generation"], pointer["previous"], "current.json", "rebuild.lock", "rebuild.holder"}
    engine = index / pointer["generation"] / "engine"
    named = _named_by_tantivy(engine) if (engine / "meta.json").exists() else _named_by_whoosh(engine)
    kept = {
        "manifest.json",
        "store.db",
        "store.db-wal",
        "store.db-shm",
        "engine",
        "neighbours",
        "lexicon",
        "phrases",
        "titles",
        "sequences",
        "reprints",
        "writer.lock",
    }
    kept |= {"records.places", "records.lemmas", "records.rows"}
    kept |= {"vectors.places", "vectors.rows"}
    return sorted(
        str(path.relative_to(index))
        for folder, wanted in ((index, names), (engine.parent, kept), (engine, named))
        for path in folder.iterdir()
        if path.name not in wanted
    )


def _named_by_whoosh(engine: Path) -> set[str]:
    toc = TOC.read(FileStorage(str(engine)), INDEX_NAME)
    named = {f"_{INDEX_NAME}_{toc.generation}.toc", f"{INDEX_NAME}_WRITELOCK"}
    return named | {f"{segment.segment_id()}.seg" for segment in toc.segments}


def _named_by_tantivy(engine: Path) -> set[str]:
    """Return the files of the segments that ``meta.json`` names, and Tantivy's own four."""
    named = {"meta.json", ".managed.json", ".tantivy-meta.lock", ".tantivy-writer.lock"}
    for segment in json.loads((engine / "meta.json").read_bytes())["segments"]:
        named |= {path.name for path in engine.glob(f"{segment['segment_id'].replace('-', '')}.*")}
    return named


def files_with(folder: Path, text: str) -> list[str]:
    """Return the files under *folder* that have the bytes of *text*, in any case of its letters."""
    wanted = {spelled.encode() for spelled in (text, text.lower(), text.upper(), text.capitalize())}
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(spelled in path.read_bytes() for spelled in wanted)
    )

"""Neighbours of an article: near in content and a little in time, never itself or its copy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from beds.index import Bed
from conftest import SAMPLE

from corpus.article import Article, Paragraph
from searchsvc.bootstrap import open_archive, open_generations
from searchsvc.errors import NotFoundError
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.likeness.telling import Frequencies
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from searchsvc.store.document import PARTS, RECORD, Record, make_document, term_hash
from searchsvc.store.signatures import TERMS
from searchsvc.store.store_writer import NEIGHBOURS

REPRINTS = [("a011", "a012"), ("a018", "a019"), ("b007", "b008"), ("b026", "b027"), ("c021", "c022")]
IDS = [json.loads(line)["id"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]

MUSEUM = (
    "Школьный музей открыл выставку о краеведах. Экспонаты собирали ученики и ветераны посёлка. "
    "Экскурсии ведут старшеклассники, записаться можно у библиотекаря."
)
VETERANS = "Ветераны передали краеведам посёлка редкие экспонаты, их покажет музей на выставке."
LUNCH = "В столовой изменилось меню: горячие завтраки, каши и компот без сахара получат все младшие классы."


def article(
    article_id: str, text: str, *, title: str = "", year: int = 2022, source: str = "iro.example"
) -> Article:
    return Article(
        id=article_id,
        source=source,
        url=f"https://iro.example/{article_id}/",
        title=title or f"Запись {article_id}",
        body=(Paragraph(text),),
        published=datetime(year, 5, 1, tzinfo=UTC),
    )


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer)
    yield made
    made.archive.close()


@pytest.fixture
def neighbours(bed: Bed) -> Iterator[Callable[[str], list[str]]]:
    live = LiveIndex(bed.generations)
    service = SearchService(live, bed.analyzer)
    yield lambda article_id: [found.id for found in service.similar(article_id, 100)]
    live.close()


def record(text: str, analyzer: Analyzer, title: str = "", lead: str = "") -> Record:
    made = Article("1", "s", "u", title, lead, tuple(map(Paragraph, text.split("\n"))) if text else ())
    return make_document(made, 1, analyzer).record


# --- the sample -------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", REPRINTS, ids="/".join)
def test_a_reprint_is_no_neighbour_of_its_original(
    sample_service: SearchService, pair: tuple[str, str]
) -> None:
    for one, other in (pair, pair[::-1]):
        found = [neighbour.id for neighbour in sample_service.similar(one, NEIGHBOURS)]
        assert found
        assert other not in found


def test_neighbours_come_nearest_first_and_an_article_is_none_of_its_own(
    sample_service: SearchService,
) -> None:
    alone = 0
    for article_id in IDS:
        found = sample_service.similar(article_id)
        assert len(found) <= 5
        alone += not found
        names = [neighbour.id for neighbour in found]
        assert article_id not in names
        assert len(set(names)) == len(names)
        scores = [neighbour.score for neighbour in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1.2 for score in scores)
    assert alone < len(IDS) / 10


def test_two_articles_are_as_near_to_one_another_from_both_sides(sample_service: SearchService) -> None:
    found = {
        (article_id, neighbour.id): neighbour.score
        for article_id in IDS
        for neighbour in sample_service.similar(article_id, NEIGHBOURS)
    }
    both = [(pair, score) for pair, score in found.items() if pair[::-1] in found]
    assert len(both) > len(found) / 2
    for pair, score in both:
        assert score == pytest.approx(found[pair[::-1]], abs=1e-3)


def test_neighbours_tell_what_a_page_shows_of_them(sample_service: SearchService) -> None:
    for neighbour in sample_service.similar("a011", 3):
        page = sample_service.article(neighbour.id)
        assert (neighbour.title, neighbour.published) == (page.title, page.published)
        assert (neighbour.source, neighbour.source_title) == (page.source, page.source_title)


def test_a_sync_of_one_article_gives_it_the_neighbours_of_a_rebuild(
    own_sample: Settings, analyzer: Analyzer, sample_service: SearchService
) -> None:
    generations = open_generations(own_sample)
    with open_archive(own_sample) as archive, closing(LiveIndex(generations)) as live:
        bed = Bed(own_sample.data_dir, archive, generations, analyzer)
        service = SearchService(live, analyzer)
        before = archive.get("b026")
        archive.put(replace(before, categories=("Другое",)))
        bed.sync()
        for article_id in ("b026", "b027"):
            assert service.similar(article_id, NEIGHBOURS) == sample_service.similar(article_id, NEIGHBOURS)


@pytest.mark.parametrize("by", ["rebuild", "sync"])
def test_a_much_copied_text_keeps_its_neighbours(
    own_sample: Settings, analyzer: Analyzer, sample_service: SearchService, by: str
) -> None:
    generations = open_generations(own_sample)
    with open_archive(own_sample) as archive, closing(LiveIndex(generations)) as live:
        text = archive.get("a010")
        bed = Bed(own_sample.data_dir, archive, generations, analyzer)
        with archive.batch():
            for number in range(60):
                copy = replace(text, id=f"copy{number:02}", url=f"https://iro.example/copies/{number}/")
                archive.put(copy)
        if by == "rebuild":
            bed.rebuild()
        else:
            bed.sync()
        service = SearchService(live, analyzer)
        expected = [one.id for one in sample_service.similar("a010", 8)]
        assert len(expected) > 5
        for article_id in ("a010", "copy00", "copy59"):
            assert [one.id for one in service.similar(article_id, 8)] == expected


# --- a tiny archive ---------------------------------------------------------------------------


def test_of_equally_near_articles_the_nearer_in_time_comes_first(
    bed: Bed, neighbours: Callable[[str], list[str]]
) -> None:
    for article_id, text, year in (
        ("base", MUSEUM, 2020),
        ("far", VETERANS, 2012),
        ("near", VETERANS, 2021),
        ("other", LUNCH, 2020),
    ):
        bed.archive.put(
            article(article_id, text, year=year, title="Музей посёлка" if text != LUNCH else "Меню")
        )
    bed.rebuild()
    assert neighbours("base") == ["near"]  # one of two that tell the same is enough


def test_content_comes_before_time(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    bed.archive.put(article("base", MUSEUM, year=2020))
    bed.archive.put(article("about", VETERANS, year=2005))
    bed.archive.put(article("today", f"{LUNCH} Открыл музей.", year=2020))
    bed.rebuild()
    assert neighbours("base")[0] == "about"


def test_an_undated_article_has_neighbours_too(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    bed.archive.put(replace(article("base", MUSEUM), published=None))
    bed.archive.put(article("other", VETERANS))
    bed.rebuild()
    assert neighbours("base") == ["other"]
    assert neighbours("other") == ["base"]


def test_an_article_that_is_like_no_other_has_no_neighbours(
    bed: Bed, neighbours: Callable[[str], list[str]]
) -> None:
    bed.archive.put(article("museum", MUSEUM, title="Музей"))
    bed.archive.put(article("lunch", LUNCH, title="Меню"))
    bed.archive.put(replace(article("empty", ""), title="", body=()))
    bed.rebuild()
    assert neighbours("museum") == neighbours("lunch") == neighbours("empty") == []


def test_a_newcomer_enters_the_lists_of_its_neighbours(
    bed: Bed, neighbours: Callable[[str], list[str]]
) -> None:
    bed.archive.put(article("base", MUSEUM))
    bed.archive.put(article("lunch", LUNCH))
    bed.rebuild()
    bed.archive.put(article("new", VETERANS))
    bed.sync()
    assert neighbours("new")[0] == "base"
    assert neighbours("base")[0] == "new"
    bed.archive.put(article("newer", "Старшеклассники ведут экскурсии: экспонаты, ветераны, библиотекарь."))
    bed.sync()
    assert set(neighbours("base")[:2]) == {"new", "newer"}


def test_of_two_newcomers_that_tell_the_same_a_list_takes_the_nearer(
    bed: Bed, neighbours: Callable[[str], list[str]]
) -> None:
    bed.archive.put(article("base", MUSEUM))
    bed.archive.put(article("lunch", LUNCH))
    bed.rebuild()
    for article_id, year in (("far", 2012), ("near", 2022), ("farther", 2010)):
        bed.archive.put(article(article_id, VETERANS, year=year))
        bed.sync()
    assert [name for name in neighbours("base") if name != "lunch"] == ["near"]


def test_a_reprint_that_comes_later_is_no_neighbour(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    bed.archive.put(article("base", MUSEUM))
    bed.archive.put(article("veterans", VETERANS))
    bed.rebuild()
    bed.archive.put(article("copy", MUSEUM, title="Другой заголовок", year=2023))
    bed.sync()
    assert "copy" not in neighbours("base")
    assert neighbours("copy")[0] == "veterans"
    assert neighbours("veterans") == ["base"]  # one of two that tell the same is enough


def test_the_words_of_a_few_copies_are_not_common(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    for number in range(NEIGHBOURS + 5):
        bed.archive.put(article(f"copy{number:02}", MUSEUM, title="Музей посёлка", year=2000 + number))
    bed.archive.put(article("veterans", VETERANS, title="Музей посёлка"))
    bed.rebuild()
    assert neighbours("copy07") == ["veterans"]
    assert len(neighbours("veterans")) == 1  # one of a group


def test_a_removed_article_is_nobodys_neighbour(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    for article_id, text in (("base", MUSEUM), ("veterans", VETERANS), ("lunch", LUNCH)):
        bed.archive.put(article(article_id, text))
    bed.rebuild()
    assert "veterans" in neighbours("base")
    bed.archive.remove("veterans", "снята")
    bed.sync()
    assert "veterans" not in neighbours("base")
    with pytest.raises(NotFoundError):
        neighbours("veterans")


def test_a_list_of_neighbours_has_an_end(bed: Bed, neighbours: Callable[[str], list[str]]) -> None:
    for number in range(100):  # a word of more articles than a quarter of them would tell nothing
        quarry = "Гранитный карьер" if number % 4 == 0 else "Новость"
        bed.archive.put(article(f"a{number:02}", f"имя{number} место{number} дело{number}", title=quarry))
    bed.rebuild()
    assert len(neighbours("a00")) == NEIGHBOURS
    bed.archive.put(article("new", "имя место дело", title="Гранитный карьер"))
    bed.sync()
    assert len(neighbours("new")) == len(neighbours("a00")) == NEIGHBOURS


def counts(bed: Bed) -> tuple[int, dict[str, int]]:
    """Return over how many documents frequencies were counted, and those of some lemmas."""
    with closing(bed.generations.current()) as generation, generation.store.writing() as writer:
        found = Frequencies.read(writer)
    known = dict(zip(found.rows["term"].tolist(), found.rows["documents"].tolist(), strict=True))
    words = ("музей", "экспонат", "столовая", "ярмарка", "концерт")
    return found.documents, {word: known[term_hash(word)] for word in words if term_hash(word) in known}


def test_copies_of_a_text_count_once_and_their_words_until_the_last_is_purged(bed: Bed) -> None:
    for number in range(25):
        text = f"{MUSEUM} Потом была ярмарка." if number == 0 else MUSEUM
        bed.archive.put(article(f"copy{number:02}", text, year=2000 + number))
    for name, text in (("veterans", VETERANS), ("stand", "Ярмарка и музей"), ("fair", "Концерт в музее")):
        bed.archive.put(article(name, text))
    bed.archive.put(article("concert", "Весенний концерт"))
    bed.rebuild()
    assert counts(bed) == (5, {"музей": 4, "экспонат": 2, "ярмарка": 2, "концерт": 2})
    bed.purge("copy00")  # nobody but one other text tells of a fair now
    assert counts(bed) == (5, {"музей": 4, "экспонат": 2, "концерт": 2})
    for number in range(1, 24):
        bed.purge(f"copy{number:02}")
    assert counts(bed)[1] == {"музей": 4, "экспонат": 2, "концерт": 2}
    bed.purge("copy24")
    assert counts(bed)[1] == {"музей": 3, "концерт": 2}


# --- signatures -------------------------------------------------------------------------------

NOTHING_KNOWN = np.empty(0, [("term", "<u4"), ("documents", "<u4")])


def used(slot: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return the terms and weights of a signature that are not padding."""
    (row,) = slot
    return np.array(list(zip(row["term"], row["weight"], strict=True)), [("term", "<u4"), ("weight", "<f4")])[
        row["weight"] > 0
    ]


def test_a_signature_is_a_unit_vector_of_the_most_telling_lemmas(analyzer: Analyzer) -> None:
    names = " ".join(f"имя{number}" for number in range(TERMS))
    found = used(Frequencies(NOTHING_KNOWN, 100).signature(record(f"{MUSEUM} {names}", analyzer, "Музей")))
    assert len(found) == TERMS
    assert len(set(found["term"].tolist())) == TERMS
    assert (np.diff(found["weight"]) <= 0).all()
    assert float((found["weight"].astype(np.float64) ** 2).sum()) == pytest.approx(1, abs=1e-6)
    assert found["term"][np.argmax(found["weight"])] == term_hash("музей")
    assert not {term_hash("и"), term_hash("в"), term_hash("без")} & set(found["term"].tolist())


def test_frequent_lemmas_and_the_date_tell_nothing(analyzer: Analyzer) -> None:
    made = make_document(article("a", "Музей школы"), 1, analyzer).record
    known = np.array(sorted([(term_hash("школа"), 90), (term_hash("музей"), 3)]), NOTHING_KNOWN.dtype)
    terms = set(used(Frequencies(known, 100).signature(made))["term"].tolist())
    assert term_hash("музей") in terms
    assert term_hash("школа") not in terms
    assert PARTS[int(made["part"][-1])] == "date"
    assert not {term_hash("2022"), term_hash("май")} & terms


def test_an_empty_article_has_an_empty_signature() -> None:
    assert not Frequencies(NOTHING_KNOWN, 5).signature(np.empty(0, RECORD))["weight"].any()

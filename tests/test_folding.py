"""Results with reprints: a row for one text, at its best rank, the same rows on whatever page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from beds.index import Bed, draft

from corpus.article import Article, Paragraph, Source
from searchsvc.answer.answering import MARGIN, RERANKED
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SHOWN_REPRINTS, Hit, ResultPage, SearchRequest
from searchsvc.search import SearchService

TEXT = (
    "Министерство напоминает о горячем питании младших классов: каши на молоке, рыба дважды в неделю, "
    "свежие овощи. Родительские комиссии пробуют блюда и пишут замечания в журнал. Столовая обязана "
    "ответить за три дня, а детям с аллергией готовят отдельно по справке педиатра."
)
MORE = "Меню вывешивают у входа. Вопросы задавайте классному руководителю, он передаст их повару и директору."
OTHER = "Краеведы посёлка нашли старую карту мельницы и рассказали о ней на уроке географии шестиклассникам."
FACETS = ("source", "category", "year")


def article(name: str, text: str = TEXT, *, day: int = 1, title: str = "", source: str = "") -> Article:
    return replace(
        draft(0),
        id=name,
        source=source or "iro.example",
        url=f"https://iro.example/{name}/",
        title=title or f"Запись {name}",
        lead="",
        body=(Paragraph(text),),
        published=datetime(2023, 5, 1, 12, tzinfo=UTC) + timedelta(days=day) if day else None,
        tags=(),
    )


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer)
    yield made
    made.archive.close()


Search = Callable[..., ResultPage]


@pytest.fixture
def search(bed: Bed) -> Iterator[Search]:
    live = LiveIndex(bed.generations)
    service = SearchService(live, bed.analyzer)
    yield lambda text, **asked: service.search(SearchRequest(text, **asked))
    live.close()


def fill(bed: Bed, articles: Iterable[Article]) -> None:
    with bed.archive.batch():
        for one in articles:
            bed.archive.put(one)
    bed.rebuild()


def rows(page: ResultPage) -> list[tuple[str, ...]]:
    """Return the ids of each row, the one shown first."""
    return [(hit.id, *(reprint.id for reprint in hit.reprints)) for hit in page.hits]


def only(page: ResultPage) -> Hit:
    (hit,) = page.hits
    return hit


# --- which is shown ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("articles", "expected"),
    [
        # The earliest, though others have the words in their titles.
        ([("a", TEXT, 3), ("b", TEXT, 1), ("c", TEXT, 2)], ("b", "c", "a")),
        # A sentence more does not make it more complete, five do.
        ([("a", TEXT, 1), ("b", f"{TEXT} Приходите.", 2)], ("a", "b")),
        ([("a", TEXT, 1), ("b", f"{TEXT} {MORE}", 3), ("c", TEXT, 2)], ("b", "a", "c")),
        # Of a day the longer; then the one that came first.
        ([("a", TEXT, 1), ("b", f"{TEXT} Приходите завтра.", 1)], ("b", "a")),
        ([("b", TEXT, 1), ("a", TEXT, 1)], ("a", "b")),
        # Without a date it is the last to be shown.
        ([("a", TEXT, 0), ("b", TEXT, 5)], ("b", "a")),
    ],
)
def test_the_earliest_is_shown_or_one_that_has_much_more(
    bed: Bed, search: Search, articles: list[tuple[str, str, int]], expected: tuple[str, ...]
) -> None:
    fill(bed, (article(name, text, day=day, title=f"Питание {name}") for name, text, day in articles))
    page = search("горячее питание")
    assert rows(page) == [expected]
    assert (page.total, page.rows, page.pages) == (len(articles), 1, 1)
    hit = only(page)
    assert hit.reprint_count == len(articles) - 1
    assert all(reprint.title == f"Питание {reprint.id}" for reprint in hit.reprints)
    assert {reprint.source_title for reprint in hit.reprints} == {"Институт развития образования"}
    assert hit.reprints[0].url == f"/articles/{hit.reprints[0].id}"


def test_a_row_stands_at_the_rank_and_with_the_score_of_its_best(bed: Bed, search: Search) -> None:
    fill(
        bed,
        [
            article("early", day=1),
            article("titled", day=2, title="Карта мельницы: питание краеведов"),
            article("other", f"{OTHER} {OTHER.replace('мельницы', 'питания')}", day=3),
        ],
    )
    plain = search("питание", fold=False)
    assert plain.hits[0].id == "titled"
    folded = search("питание")
    assert rows(folded)[0] == ("early", "titled")
    assert folded.hits[0].score == plain.hits[0].score
    assert [hit.score for hit in folded.hits] == sorted((hit.score for hit in folded.hits), reverse=True)


@pytest.mark.parametrize(("sort", "first"), [("-date", "late"), ("date", "early")])
def test_in_an_order_of_dates_the_one_whose_date_stands_there_is_shown(
    bed: Bed, search: Search, sort: str, first: str
) -> None:
    fill(
        bed,
        [article("early", day=1), article("late", day=9), article("between", OTHER, day=5, title="Питание")],
    )
    page = search("питание", sort=sort)
    assert rows(page)[0][0] == first
    assert len(page.hits) == 2
    assert rows(search("", sort=sort, filters={"year": ("2023",)}))[0][0] == first


def test_only_what_matches_is_folded_and_counted(bed: Bed, search: Search) -> None:
    bed.archive.add_source(Source("school.example", "https://school.example", "import", "Школа № 9"))
    fill(
        bed,
        [
            article("early", day=1),
            article("late", f"{TEXT} Ждём сахарную свёклу.", day=2, source="school.example"),
        ],
    )
    assert rows(search("питание")) == [("early", "late")]
    assert rows(search("свёкла")) == [("late",)]
    narrowed = search("питание", filters={"source": ("school.example",)}, facets=FACETS)
    assert rows(narrowed) == [("late",)]
    assert only(narrowed).reprint_count == 0
    assert [bucket.count for bucket in narrowed.facets[0].buckets] == [1, 1]


def test_a_near_match_folds_into_a_full_one_and_never_shows_for_it(bed: Bed, search: Search) -> None:
    cut = TEXT.replace(" по справке педиатра", "")
    fill(bed, [article("near", f"{cut} {MORE}", day=1), article("full", day=2), article("else", OTHER)])
    page = search("питание педиатра")
    assert (page.total, page.near_total, page.rows) == (1, 1, 1)
    assert rows(page) == [("full", "near")]
    assert only(page).missing == ()
    both = search("питание мельница")
    assert (both.total, both.near_total, both.rows) == (0, 3, 2)
    assert {hit.missing for hit in both.hits} == {("мельница",), ("питание",)}
    assert ("near", "full") in rows(both)


# --- pages ------------------------------------------------------------------------------------


def texts_of(sizes: Iterable[int]) -> Iterator[Article]:
    """Yield articles of *sizes* many copies of a text each, all about food, over some months."""
    for number, size in enumerate(sizes):
        words = " ".join(f"слово{chr(1072 + number % 32)}{chr(1072 + number // 32)}{n}" for n in range(14))
        for copy in range(size):
            day = (number * 7 + copy * 3) % 80 + 1
            yield article(f"t{number:04}c{copy:02}", f"Питание {words}", day=day, title=f"О питании {copy}")


def test_every_page_has_the_same_rows_and_no_text_has_two_of_them(bed: Bed, search: Search) -> None:
    """More of them are reprints than the second stage ranks; copies of a text lie far apart by date."""
    fill(bed, texts_of([90, 70, *[1] * 60, *[3] * 40]))
    for sort in ("relevance", "-date", "date"):
        plain = search("питание", per_page=500, sort=sort, fold=False)
        assert plain.total == plain.rows == len(plain.hits) == 340
        whole = search("питание", per_page=500, sort=sort, facets=FACETS)
        assert (whole.total, whole.rows, len(whole.hits)) == (340, 102, 102)
        assert sum(hit.reprint_count for hit in whole.hits) == 340 - 102
        assert len({hit.id[:5] for hit in whole.hits}) == 102
        first = {hit.id[:5]: None for hit in plain.hits}  # the order of their best
        assert [hit.id[:5] for hit in whole.hits] == list(first)
        assert whole.facets == search("питание", fold=False, facets=FACETS).facets
        for per_page in (1, 7, 10):
            paged = [
                (hit.id, hit.reprint_count)
                for number in range(1, -(-whole.rows // per_page) + 1)
                for hit in search("питание", page=number, per_page=per_page, sort=sort).hits
            ]
            assert paged == [(hit.id, hit.reprint_count) for hit in whole.hits]


def test_a_thousand_rows_can_be_paged_though_reprints_stand_among_the_first_thousand(
    bed: Bed, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bed, texts_of([2] * 600 + [1] * 300))
    for sort, margin in (("relevance", MARGIN), ("date", MARGIN), ("relevance", 0.1)):
        monkeypatch.setattr("searchsvc.answer.answering.MARGIN", margin)  # of too few it asks for more
        pages = [search("питание", page=number, per_page=100, sort=sort) for number in range(1, 11)]
        assert {(page.total, page.rows, page.pages) for page in pages} == {(1500, 900, 9)}
        shown = [hit.id[:5] for page in pages for hit in page.hits]
        assert len(shown) == len(set(shown)) == 900
        assert sum(hit.reprint_count for page in pages for hit in page.hits) == 600


def test_so_many_reprints_are_named_and_all_are_counted(bed: Bed, search: Search) -> None:
    number = SHOWN_REPRINTS + 5
    fill(bed, (article(f"c{place:03}", day=place + 1) for place in range(number)))
    hit = only(search("питание"))
    assert hit.id == "c000"
    assert [reprint.id for reprint in hit.reprints] == [
        f"c{place:03}" for place in range(1, SHOWN_REPRINTS + 1)
    ]
    assert hit.reprint_count == number - 1


def test_a_search_that_has_nothing_to_fold_has_a_row_for_each(bed: Bed, search: Search) -> None:
    fill(bed, [article("a"), article("b", OTHER, title="Питание")])
    folded, plain = search("питание"), search("питание", fold=False)
    assert folded.hits == plain.hits
    assert folded.rows == plain.rows == 2


def test_a_text_that_stands_everywhere_takes_one_place_of_the_second_stage(bed: Bed, search: Search) -> None:
    """What is ranked are texts: five hundred copies leave room for all others, among near matches too."""
    others = [
        article(f"o{number:02}", f"Питание {'и ' * number}обед", day=number + 1) for number in range(40)
    ]
    fill(bed, [*texts_of([500]), *others])
    found = search("питание", per_page=100, explain=True)
    assert (found.total, found.rows) == (540, 41)
    assert {hit.explanation.order for hit in found.hits if hit.explanation} == {"score"}
    near = search("питание мельница", per_page=100)  # nothing has the mill
    assert (near.total, near.rows) == (0, 41)
    assert {hit.id for hit in near.hits} >= {f"o{number:02}" for number in range(40)}


@pytest.mark.parametrize("query", ["питание", "питание мельница"])
def test_a_copy_that_is_shown_for_the_one_ranked_is_explained_by_its_parts(
    query: str, bed: Bed, search: Search
) -> None:
    """The engine's first of equal copies is ranked, the earliest is shown."""
    copies = [article(f"c{number:03}", day=300 - number) for number in range(RERANKED + 20)]
    fill(bed, [*copies, article("o", "Питание и обед", day=1)])
    found = search(query, per_page=100, explain=True)
    assert {hit.id for hit in found.hits} == {copies[-1].id, "o"}
    for hit in found.hits:
        assert hit.explanation
        assert hit.explanation.order == "score"
        assert hit.explanation.parts
        assert sum(part.value for part in hit.explanation.parts) == pytest.approx(hit.score)

"""What a search would find under other conditions than those that leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest
from beds.index import Bed, draft
from hypothesis import given
from hypothesis import strategies as st

from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import Nearby, NearPeriod, SearchRequest, Wider
from searchsvc.search import SearchService


def nearby(
    service: SearchService, text: str, *, filters: dict[str, str] | None = None, **given: date
) -> Nearby:
    """Return what is offered where nothing matches in full."""
    chosen = {name: (value,) for name, value in (filters or {}).items()}
    page = service.search(SearchRequest(text, filters=chosen, **given))  # type: ignore[arg-type]
    assert page.total == 0
    assert page.nearby is not None
    return page.nearby


@pytest.fixture(params=["whoosh", "tantivy"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchService]:
    """Articles about a comet: in January, twice in March, in July of 2024, and one without a date."""
    analyzer = Analyzer()
    bed = Bed.open(tmp_path_factory.mktemp("bed"), analyzer, engine=request.param)
    for number, (month, day) in enumerate(((1, 31), (3, 1), (3, 31), (7, 15), (0, 0))):
        article = draft(number, "комета")
        assert article.published is not None
        moved = article.published.replace(month=month, day=day) if month else None
        bed.archive.put(replace(article, published=moved))
    bed.archive.put(draft(9, "метеорит"))
    bed.rebuild()
    with closing(LiveIndex(bed.generations)) as live:
        yield SearchService(live, analyzer)


def test_the_nearest_month_before_and_after_is_offered_with_its_number(service: SearchService) -> None:
    found = nearby(service, "комета", since=date(2024, 4, 1), until=date(2024, 6, 30))
    assert found.periods == (
        NearPeriod(date(2024, 3, 1), date(2024, 3, 31), 2),
        NearPeriod(date(2024, 7, 1), date(2024, 7, 31), 1),
    )
    assert found.wider == (Wider(("dates",), "комета", 5),)


def test_one_month_on_both_sides_is_one_offer(service: SearchService) -> None:
    found = nearby(service, "комета", since=date(2024, 3, 10), until=date(2024, 3, 20))
    assert found.periods == (NearPeriod(date(2024, 3, 1), date(2024, 3, 31), 2),)


@pytest.mark.parametrize(
    ("text", "filters", "days", "periods", "wider"),
    [
        ("комета", {}, {"until": date(2023, 12, 31)}, ["2024-01"], ("dates",)),
        ("комета", {}, {"since": date(2025, 1, 1)}, ["2024-07"], ("dates",)),
        ("комета дата:2024-02", {}, {}, ["2024-01", "2024-03"], ("dates",)),
        ("комета год:2023", {}, {}, ["2024-01"], ("year",)),
        ("год:0000 комета", {}, {}, [], ("year",)),
        ("комета", {"year": "2030"}, {}, ["2024-07"], ("year",)),
        ("комета", {"year": "2024"}, {"since": date(2030, 1, 1)}, ["2024-07"], ("dates", "year")),
        ("год:2023 комета", {"year": "2022"}, {}, [], ("year",)),
    ],
)
def test_a_date_is_dropped_wherever_it_stands(
    service: SearchService,
    text: str,
    filters: dict[str, str],
    days: dict[str, date],
    periods: list[str],
    wider: tuple[str, ...],
) -> None:
    found = nearby(service, text, filters=filters, **days)
    assert [f"{one.since:%Y-%m}" for one in found.periods] == periods
    assert found.text == "комета"
    assert found.wider == (Wider(wider, "комета", 5),)


def test_a_section_that_leaves_nothing_is_dropped_alone_and_the_dates_stay(service: SearchService) -> None:
    given = {"since": date(2024, 3, 1), "until": date(2024, 3, 31)}
    found = nearby(service, "комета", filters={"category": "Погода"}, **given)
    assert (found.periods, found.wider) == ((), (Wider(("category",), "комета", 2),))
    typed = nearby(service, "комета категория:Погода", **given)
    assert typed.wider == (Wider(("category",), "комета", 2),)


def test_where_no_single_condition_is_to_blame_all_are_dropped(service: SearchService) -> None:
    found = nearby(service, "комета год:2023", filters={"category": "Погода", "source": "другой"})
    assert (found.periods, found.wider) == ((), (Wider(("year", "category", "source"), "комета", 5),))


@pytest.mark.parametrize(
    ("text", "year"), [("комета метеорит", "2023"), ("абракадабра", "2023"), ("комета", ""), ("", "2023")]
)
def test_nothing_is_offered_where_conditions_are_not_to_blame(
    service: SearchService, text: str, year: str
) -> None:
    page = service.search(SearchRequest(text, filters={"year": (year,)} if year else {}))
    assert page.nearby is None


def test_without_words_a_section_is_looked_for_in_other_years(service: SearchService) -> None:
    found = nearby(service, "", filters={"category": "События", "year": "2030"})
    assert [one.since for one in found.periods] == [date(2024, 9, 1)]
    assert found.wider[0].dropped == ("year",)


words = st.sampled_from(
    ["школа", "наставничество", "год:2019", "дата:2015..", "категория:Нет", "ИЛИ", '"', "-"]
)


@given(st.lists(words, max_size=5), st.dates(date(1, 1, 1)), st.dates(date(1, 1, 1)))
def test_what_is_offered_is_there(
    sample_service: SearchService, typed: list[str], one: date, other: date
) -> None:
    asked = SearchRequest(" ".join(typed), since=min(one, other), until=max(one, other), correct="off")
    near = sample_service.search(asked).nearby
    for period in near.periods if near else ():
        again = replace(asked, text=near.text if near else "", since=period.since, until=period.until)
        assert sample_service.search(again).total == period.total > 0
    for wider in near.wider if near else ():
        since, until = (None, None) if "dates" in wider.dropped else (asked.since, asked.until)
        again = replace(asked, text=wider.text, since=since, until=until)
        assert sample_service.search(again).total == wider.total > 0

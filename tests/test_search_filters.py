"""Filters, dates, facets and orders of a search, compared with the articles themselves."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from corpus.article import Article
from indexer.pipeline import sync
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.language.analysis import Analyzer
from searchsvc.results import Facet, ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings

ALL = 100
FIELDS = ("source", "category", "year")


@pytest.fixture(scope="module")
def articles(sample_settings: Settings) -> dict[str, Article]:
    """The articles of the sample by id."""
    with open_archive(sample_settings) as archive:
        return {article.id: article for article, _ in archive.articles()}


@pytest.fixture(scope="module")
def school(sample_service: SearchService) -> set[str]:
    """The articles that have the word «школа»."""
    return set(ids(sample_service.search(SearchRequest("школа", per_page=ALL, fold=False))))


def ids(page: ResultPage) -> list[str]:
    return [hit.id for hit in page.hits]


def values(article: Article, field: str) -> tuple[str, ...]:
    """Return what *article* has in a facet's field."""
    if field == "source":
        return (article.source,)
    if field == "category":
        return article.categories
    return (str(article.published.year),) if article.published else ()


def counts(facet: Facet) -> dict[str, int]:
    return {bucket.value: bucket.count for bucket in facet.buckets}


def passes(article: Article, filters: Mapping[str, tuple[str, ...]]) -> bool:
    return all(set(values(article, field)) & set(allowed) for field, allowed in filters.items())


# --- filters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_any_value_of_a_field_and_every_field_must_fit(
    sample_service: SearchService, articles: dict[str, Article], school: set[str], seed: int
) -> None:
    """Filters, hits and facets of random requests are those of the articles that fit."""
    chance = random.Random(seed)
    known = {
        field: sorted({value for one in articles.values() for value in values(one, field)})
        for field in FIELDS
    }
    chosen = chance.sample(FIELDS, chance.randint(1, 3))
    filters = {field: tuple(chance.sample(known[field], min(len(known[field]), 2))) for field in chosen}
    text, among = chance.choice([("школа", school), ("", set(articles))])
    page = sample_service.search(
        SearchRequest(text, filters=filters, facets=FIELDS, per_page=ALL, fold=False)
    )
    wanted = {name for name in among if passes(articles[name], filters)}
    assert set(ids(page)) == wanted
    assert (page.total, page.near_total) == (len(wanted), 0)
    for facet in page.facets:
        others = {field: allowed for field, allowed in filters.items() if field != facet.field}
        fitting = [articles[name] for name in among if passes(articles[name], others)]
        seen = Counter(value for one in fitting for value in values(one, facet.field))
        assert counts(facet) == dict.fromkeys(filters.get(facet.field, ()), 0) | seen
        assert {b.value for b in facet.buckets if b.selected} == set(filters.get(facet.field, ()))


def test_filters_can_be_typed_and_both_sides_must_fit(
    sample_service: SearchService, articles: dict[str, Article], school: set[str]
) -> None:
    typed = sample_service.search(
        SearchRequest("школа год:2022 год:2023", per_page=ALL, fold=False, facets=("year",))
    )
    asked = sample_service.search(
        SearchRequest("школа", filters={"year": ("2022", "2023")}, per_page=ALL, fold=False, facets=("year",))
    )
    assert ids(typed) == ids(asked)
    assert counts(typed.facets[0]) == counts(asked.facets[0])
    both = sample_service.search(
        SearchRequest("школа год:2022 год:2023", filters={"year": ("2023", "2024")}, per_page=ALL, fold=False)
    )
    assert set(ids(both)) == {name for name in school if values(articles[name], "year") == ("2023",)}
    none = sample_service.search(SearchRequest("школа год:2022", filters={"year": ("2023",)}))
    assert (none.total, none.rows) == (0, 0)


def test_a_source_is_named_by_title_or_id_in_any_case(
    sample_service: SearchService, articles: dict[str, Article]
) -> None:
    for bucket in sample_service.sources():
        wanted = {name for name, article in articles.items() if article.source == bucket.value}
        assert len(wanted) == bucket.count
        for name in (bucket.value, bucket.label, bucket.label.upper(), bucket.value.upper()):
            typed = sample_service.search(SearchRequest(f"источник:«{name}»", per_page=ALL, fold=False))
            assert set(ids(typed)) == wanted
            asked = sample_service.search(
                SearchRequest("", filters={"source": (name,)}, per_page=ALL, fold=False)
            )
            assert set(ids(asked)) == wanted


def test_a_category_is_named_in_any_case(sample_service: SearchService, articles: dict[str, Article]) -> None:
    for bucket in sample_service.overview().categories:
        wanted = {name for name, article in articles.items() if bucket.value in article.categories}
        for name in (
            bucket.value,
            bucket.value.lower(),
            bucket.value.upper(),
            bucket.value.replace("ё", "е"),
        ):
            page = sample_service.search(SearchRequest(f'раздел:"{name}"', per_page=ALL, fold=False))
            assert set(ids(page)) == wanted


def test_a_tag_is_named_in_any_case_and_spelling(
    sample_service: SearchService, articles: dict[str, Article]
) -> None:
    tags = Counter(tag for article in articles.values() for tag in article.tags)
    assert any(tag != tag.lower() for tag in tags)
    assert any("ё" in tag for tag in tags)
    for tag in tags:
        wanted = {
            name
            for name, article in articles.items()
            if tag.lower().replace("ё", "е") in {other.lower().replace("ё", "е") for other in article.tags}
        }
        for name in (tag, tag.lower(), tag.upper(), tag.replace("ё", "е"), f" {tag.replace(' ', '  ')} "):
            page = sample_service.search(SearchRequest(f"тег:«{name}»", per_page=ALL, fold=False))
            assert set(ids(page)) == wanted


def test_a_value_that_nothing_has_finds_nothing_and_is_shown_as_chosen(sample_service: SearchService) -> None:
    for field, value in (
        ("source", "нигде.рф"),
        ("category", "Нет такой"),
        ("year", "1812"),
        ("year", "abc"),
    ):
        page = sample_service.search(SearchRequest("школа", filters={field: (value,)}, facets=(field,)))
        assert (page.total, page.near_total, page.hits) == (0, 0, ())
        [bucket] = [bucket for bucket in page.facets[0].buckets if bucket.selected]
        assert (bucket.value, bucket.count) == (value, 0)
        assert any(bucket.count for bucket in page.facets[0].buckets)


def test_filters_hold_for_near_matches_too(
    sample_service: SearchService, articles: dict[str, Article]
) -> None:
    page = sample_service.search(
        SearchRequest("музей школа", filters={"year": ("2022", "2023")}, per_page=ALL, fold=False)
    )
    assert page.near_total
    assert all(values(articles[name], "year")[0] in {"2022", "2023"} for name in ids(page))


def test_a_section_without_words_is_read_from_its_newest_article(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("год:2022", per_page=ALL, fold=False))
    dates = [hit.published for hit in page.hits if hit.published]
    assert len(dates) == page.total > 1
    assert dates == sorted(dates, reverse=True)


# --- facets -----------------------------------------------------------------------------------


def test_facets_count_full_matches_alone(sample_service: SearchService, articles: dict[str, Article]) -> None:
    page = sample_service.search(SearchRequest("музей школа", facets=FIELDS, per_page=ALL, fold=False))
    assert page.near_total
    full = [articles[hit.id] for hit in page.hits if not hit.missing]
    for facet in page.facets:
        assert counts(facet) == Counter(value for one in full for value in values(one, facet.field))


def test_facets_come_most_frequent_first_and_years_newest_first(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("школа", facets=FIELDS))
    facets = {facet.field: facet.buckets for facet in page.facets}
    assert tuple(facets) == FIELDS
    for field in ("source", "category"):
        assert [b.count for b in facets[field]] == sorted((b.count for b in facets[field]), reverse=True)
    assert [b.value for b in facets["year"]] == sorted((b.value for b in facets["year"]), reverse=True)
    assert all(b.label and not b.label.endswith(".example") for b in facets["source"])
    assert sample_service.search(SearchRequest("школа")).facets == ()


# --- dates ------------------------------------------------------------------------------------


def test_both_ends_of_a_period_belong_to_it(
    sample_service: SearchService, articles: dict[str, Article]
) -> None:
    for article in list(articles.values())[::10]:
        assert article.published
        day = article.published.date()
        same = {name for name, one in articles.items() if one.published and one.published.date() == day}
        for request in (
            SearchRequest("", since=day, until=day, per_page=ALL, fold=False),
            SearchRequest(f"дата:{day}", per_page=ALL, fold=False),
            SearchRequest(f"дата:{day}..{day}", per_page=ALL, fold=False),
            SearchRequest(f"дата:{day}..", until=day, per_page=ALL, fold=False),
        ):
            assert set(ids(sample_service.search(request))) == same
        before = sample_service.search(SearchRequest("", until=day - timedelta(1), per_page=ALL, fold=False))
        after = sample_service.search(SearchRequest("", since=day + timedelta(1), per_page=ALL, fold=False))
        assert same.isdisjoint(ids(before))
        assert same.isdisjoint(ids(after))
        assert before.total + after.total + len(same) == len(articles)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("дата:2022", date(2022, 1, 1), date(2022, 12, 31)),
        ("дата:2021-09..2022-05", date(2021, 9, 1), date(2022, 5, 31)),
        ("дата:..2018", date(1, 1, 1), date(2018, 12, 31)),
        ("дата:2023..", date(2023, 1, 1), date(9999, 12, 31)),
        ("дата:2022..2020", date(2020, 1, 1), date(2022, 12, 31)),
        ("дата:2020..2023 дата:2022..", date(2022, 1, 1), date(2023, 12, 31)),
    ],
)
def test_a_typed_period_is_a_chosen_one(
    sample_service: SearchService, articles: dict[str, Article], text: str, since: date, until: date
) -> None:
    typed = sample_service.search(SearchRequest(f"школа {text}", per_page=ALL, fold=False))
    chosen = sample_service.search(SearchRequest("школа", since=since, until=until, per_page=ALL, fold=False))
    assert ids(typed) == ids(chosen)
    assert typed.total > 0
    for name in ids(typed):
        published = articles[name].published
        assert published
        assert since <= published.date() <= until


def test_periods_that_exclude_one_another_find_nothing(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("школа дата:2020.. дата:..2019"))
    assert (page.total, page.near_total) == (0, 0)
    page = sample_service.search(SearchRequest("школа дата:2020", since=date(2021, 1, 1)))
    assert (page.total, page.near_total) == (0, 0)


# --- orders -----------------------------------------------------------------------------------


def test_orders_of_date_are_one_anothers_reverse(
    sample_service: SearchService, articles: dict[str, Article], school: set[str]
) -> None:
    moments = [articles[name].published for name in school]
    assert len(set(moments)) > len(moments) / 2
    for sort in ("-date", "date"):
        page = sample_service.search(SearchRequest("школа", per_page=ALL, fold=False, sort=sort))  # type: ignore[arg-type]
        shown = [hit.published for hit in page.hits]
        assert shown == sorted(shown, reverse=sort == "-date")  # type: ignore[type-var]
        assert set(ids(page)) == school


def test_near_matches_follow_the_full_ones_in_every_order(sample_service: SearchService) -> None:
    orders = {
        sort: sample_service.search(SearchRequest("музей школа", per_page=ALL, fold=False, sort=sort))  # type: ignore[arg-type]
        for sort in ("relevance", "-date", "date")
    }
    near = {sort: [hit.id for hit in page.hits if hit.missing] for sort, page in orders.items()}
    assert near["relevance"]
    assert near["relevance"] == near["-date"] == near["date"]
    for page in orders.values():
        assert not any(hit.missing for hit in page.hits[: page.total])


def test_undated_articles_come_last_and_belong_to_no_period(
    own_sample: Settings, analyzer: Analyzer, articles: dict[str, Article]
) -> None:
    far_east = timezone(timedelta(hours=12))
    with open_archive(own_sample) as archive:
        archive.put(replace(articles["a011"], published=None, title="Гранитный карьер"))
        # The same moment on two local days, which is what is shown, filtered and counted by.
        archive.put(
            replace(articles["b001"], published=datetime(2030, 1, 1, 2, tzinfo=far_east), title="Карьер")
        )
        archive.put(
            replace(articles["b002"], published=datetime(2029, 12, 31, 14, tzinfo=UTC), title="Карьер")
        )
        sync(archive, open_generations(own_sample), analyzer)
    service, live = open_service(own_sample, analyzer)
    try:
        for sort in ("-date", "date"):
            page = service.search(SearchRequest("карьер", sort=sort, per_page=ALL, fold=False))  # type: ignore[arg-type]
            assert page.total == 3
            assert ids(page)[-1] == "a011"
        dated = service.search(SearchRequest("карьер", since=date(1, 1, 1), until=date(9999, 12, 31)))
        assert set(ids(dated)) == {"b001", "b002"}
        assert ids(service.search(SearchRequest("карьер", filters={"year": ("2030",)}))) == ["b001"]
        assert ids(service.search(SearchRequest("карьер дата:2029-12-31"))) == ["b002"]
        [years] = service.search(SearchRequest("карьер", facets=("year",))).facets
        assert counts(years) == {"2030": 1, "2029": 1}
    finally:
        live.close()

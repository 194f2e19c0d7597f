"""Addresses of searches: read strictly and leniently, and written."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from searchsvc.query import MAX_LENGTH
from searchsvc.results import FACETS, SearchRequest
from web import forms, links
from web.forms import ParameterError, read_api, read_page
from web.links import api_pairs, page_pairs


def args(address: str) -> MultiDict[str, str]:
    return MultiDict(parse_qsl(address, keep_blank_values=True))


def refused(address: str) -> tuple[int, dict[str, str]]:
    with pytest.raises(ParameterError) as caught:
        read_api(args(address))
    return caught.value.status, {problem.parameter: problem.reason for problem in caught.value.problems}


def test_every_parameter_of_the_api_reaches_the_request() -> None:
    asked = read_api(
        args(
            "q=итоги+ЕГЭ&page=2&per_page=25&from=2022-05-01&to=2022-08-31&source=iro.example&source=min.example"
            "&category=ЕГЭ&tag=баллы&year=2022&sort=-date&facets=year,source&highlight=false&correct=off&fold=false"
            "&fields=id,title"
        )
    )
    assert asked.search == SearchRequest(
        text="итоги ЕГЭ",
        page=2,
        per_page=25,
        since=date(2022, 5, 1),
        until=date(2022, 8, 31),
        filters={
            "source": ("iro.example", "min.example"),
            "category": ("ЕГЭ",),
            "tag": ("баллы",),
            "year": ("2022",),
        },
        sort="-date",
        facets=("source", "year"),
        correct="off",
        highlight=False,
        fold=False,
    )
    assert asked.fields == ("id", "title")


def test_empty_parameters_of_the_api_are_as_good_as_none() -> None:
    assert read_api(args("q=&page=&from=&to=&source=&sort=")) == read_api(args(""))


def test_facets_are_all_by_default_and_none_when_named_empty() -> None:
    assert read_api(args("q=а")).search.facets == FACETS
    assert read_api(args("q=а&facets=")).search.facets == ()
    assert read_api(args("q=а&facets=year&facets=source")).search.facets == ("source", "year")


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=два", "page"),
        ("page=1.5", "page"),
        ("page=٢", "page"),
        ("page=" + "9" * 5000, "page"),
        ("page=1&page=2", "page"),
        ("per_page=101", "per_page"),
        ("per_page=0", "per_page"),
        ("from=01.05.2022", "from"),
        ("from=2022-02-30", "from"),
        ("from=20220501", "from"),
        ("to=2022-W01-1", "to"),
        ("year=22", "year"),
        ("year=0022", "year"),
        ("sort=rank", "sort"),
        ("correct=yes", "correct"),
        ("highlight=maybe", "highlight"),
        ("fold=no", "fold"),
        ("facets=tag", "facets"),
        ("fields=body", "fields"),
        ("utm_source=mail", "utm_source"),
        ("q=" + "а" * (MAX_LENGTH + 1), "q"),
        ("source=" + "а" * 201, "source"),
        ("&".join(f"tag=т{number}" for number in range(51)), "tag"),
    ],
)
def test_the_api_refuses_what_it_cannot_read_and_names_it(address: str, parameter: str) -> None:
    status, problems = refused("q=школа&" * (not address.startswith("q=")) + address)
    assert status == 400
    assert list(problems) == [parameter]
    assert problems[parameter]


def test_the_api_names_every_problem_at_once() -> None:
    assert set(refused("page=0&sort=x&nonsense=1")[1]) == {"page", "sort", "nonsense"}


def test_dates_that_exclude_one_another_are_meaningless_not_malformed() -> None:
    status, problems = refused("from=2022-08-01&to=2022-05-01")
    assert (status, list(problems)) == (422, ["from"])


def test_something_unreadable_beside_something_meaningless_is_malformed() -> None:
    assert refused("from=2022-08-01&to=2022-05-01&page=x")[0] == 400


@pytest.mark.parametrize(
    ("since", "until", "read"),
    [
        ("2022-05-01", "2022-08-31", (date(2022, 5, 1), date(2022, 8, 31))),
        ("2022", "2023", (date(2022, 1, 1), date(2023, 12, 31))),
        ("2022-02", "2024-02", (date(2022, 2, 1), date(2024, 2, 29))),
        ("01.05.2022", "31.08.2022", (date(2022, 5, 1), date(2022, 8, 31))),
        ("05.2022", "08.2022", (date(2022, 5, 1), date(2022, 8, 31))),
        ("", "", (None, None)),
    ],
)
def test_pages_read_dates_as_people_write_them(since: str, until: str, read: tuple[date, date]) -> None:
    asked = read_page(MultiDict({"from": since, "to": until}))
    assert (asked.search.since, asked.search.until) == read
    assert asked.notes == ()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("q=а&page=0", "Страницы «0» нет"),
        ("q=а&from=вчера", "«вчера»"),
        ("q=а&to=2022-13-01", "«2022-13-01»"),
        ("q=а&to=2022-00", "«2022-00»"),
        ("q=а&to=0000", "«0000»"),
        ("q=а&year=в+этом", "Год «в этом»"),
        ("q=а&sort=best", "«best»"),
        ("q=а&q=б", "несколько значений «q»"),
        ("q=" + "сло во" * 400, "слишком длинный"),
        ("q=а&from=2023-01-01&to=2022-01-01", "поменяли даты местами"),
    ],
)
def test_pages_put_wrong_values_right_and_say_so(address: str, said: str) -> None:
    asked = read_page(args(address))
    assert len(asked.notes) == 1
    assert said in asked.notes[0]


def test_pages_ignore_parameters_they_do_not_know_without_a_word() -> None:
    assert read_page(args("q=школа&utm_source=mail&fbclid=1")) == read_page(args("q=школа"))


def test_swapped_dates_are_searched_between() -> None:
    asked = read_page(args("from=2023-01-01&to=2022-01-01")).search
    assert (asked.since, asked.until) == (date(2022, 1, 1), date(2023, 1, 1))


def test_a_long_query_is_cut_at_a_word() -> None:
    text = read_page(MultiDict({"q": "наставничество " * 100})).search.text
    assert len(text) <= MAX_LENGTH
    assert text.endswith("наставничество")


def test_written_addresses_have_no_empty_parts_and_one_order() -> None:
    one = read_page(args("tag=б&tag=а&q=школа&from=&to=2022-01-01&page=1&sort=relevance&category=ЕГЭ"))
    other = read_page(args("category=ЕГЭ&to=2022-01-01&tag=а&tag=б&tag=а&q=+школа+"))
    pairs = (("q", "школа"), ("to", "2022-01-01"), ("category", "ЕГЭ"), ("tag", "а"), ("tag", "б"))
    assert page_pairs(one.search) == page_pairs(other.search) == pairs


def test_the_address_of_an_api_search_keeps_everything_that_changes_the_answer() -> None:
    address = (
        "q=а&page=3&per_page=5&facets=&highlight=false&fold=0&fields=id,url&sort=date"
        "&correct=suggest&year=2020&explain=true"
    )
    asked = read_api(args(address))
    again = read_api(MultiDict(api_pairs(asked)))
    assert again == asked


def test_a_filter_switches_on_and_off_and_returns_to_the_first_page() -> None:
    asked = SearchRequest("школа", page=3, filters={"year": ("2021",)})
    more = links.toggled(asked, "year", "2022")
    assert (more.filters, more.page) == ({"year": ("2021", "2022")}, 1)
    assert links.toggled(links.toggled(more, "year", "2021"), "year", "2022").filters == {}


def test_filters_and_dates_are_dropped_by_name() -> None:
    asked = SearchRequest("а", since=date(2020, 1, 1), filters={"year": ("2021",), "tag": ("т",)})
    assert links.without(asked, "dates", "tag") == SearchRequest("а", filters={"year": ("2021",)})


def test_the_limit_of_neighbours_is_checked() -> None:
    assert forms.read_limit(args(""), default=5, most=20) == 5
    assert forms.read_limit(args("limit=20"), default=5, most=20) == 20
    for wrong in ("limit=21", "limit=0", "limit=x", "many=1"):
        with pytest.raises(ParameterError):
            forms.read_limit(args(wrong), default=5, most=20)


NAMES = st.sampled_from([*forms.API_PARAMETERS, "utm_source", "Q", ""])
ADDRESSES = st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=12)


@given(ADDRESSES)
def test_no_address_fails_a_page_and_its_own_address_says_the_same(pairs: list[tuple[str, str]]) -> None:
    asked = read_page(MultiDict(pairs)).search
    again = read_page(MultiDict(page_pairs(asked)))
    assert again.search == asked
    assert again.notes == ()


@given(ADDRESSES)
def test_the_api_answers_or_names_its_parameters(pairs: list[tuple[str, str]]) -> None:
    problems: tuple[forms.Problem, ...] = ()
    try:
        asked = read_api(MultiDict(pairs))
    except ParameterError as error:
        problems = error.problems
    else:
        assert read_api(MultiDict(api_pairs(asked))) == asked
    assert {problem.parameter for problem in problems} <= {name for name, _ in pairs}

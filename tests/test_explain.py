"""Explanations: made of the numbers that rank, true of every row, and of every article that is no row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from beds.index import SITE, Bed
from conftest import SAMPLE
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article, Paragraph
from corpus.jsonl import import_rows
from indexer.pipeline import rebuild
from searchsvc.analysis import Analyzer
from searchsvc.answering import NEAR_BELOW, RERANKED
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.engines import ENGINES
from searchsvc.errors import BadRequestError, NotFoundError
from searchsvc.explain import BY_WORD, LABELS, NEAR, REPRINT, WITHOUT_WORDS
from searchsvc.live import LiveIndex
from searchsvc.ranking import PARTS_OF_SCORE
from searchsvc.results import MAX_DEPTH, Explanation, Hit, ScorePart, SearchRequest, WordFound
from searchsvc.search import SearchService
from searchsvc.settings import load_settings
from searchsvc.text import clean

JUDGED = SAMPLE.parent / "judged" / "queries.jsonl"
QUERIES = [json.loads(line)["text"] for line in JUDGED.read_text(encoding="utf-8").splitlines()]
QUERIES += ['"итоги года" школа', "!учителя наставник", "заголовок:школа музей", "конкурс OR олимпиада робот"]
QUERIES += ["директорский музей", "ghbrfp vbybcnthcndf", "учебно-методический совет", "2022 август"]
QUERIES += ["единый государственный экзамен", "всероссийские проверочные работы в школе", "ВПР овз"]


@pytest.fixture(scope="module", params=ENGINES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer
) -> Iterator[SearchService]:
    """The search over the sample archive, on every engine."""
    config = load_settings(data_dir=tmp_path_factory.mktemp("explained"))
    with open_archive(config) as archive, SAMPLE.open("rb") as rows:
        import_rows(archive, rows, on_error="stop", clean=clean)
        rebuild(archive, open_generations(config), analyzer, engine=request.param)
    made, live = open_service(config, analyzer)
    yield made
    live.close()


def hits(service: SearchService, text: str, **asked: object) -> tuple[Hit, ...]:
    request = SearchRequest(text, per_page=MAX_DEPTH, explain=True, **asked)  # type: ignore[arg-type]
    return service.search(request).hits


@pytest.fixture(scope="module")
def every_hit(service: SearchService) -> list[tuple[str, Hit]]:
    """Every row of every query, with the query."""
    return [(text, hit) for text in QUERIES for hit in hits(service, text)]


def of(hit: Hit) -> Explanation:
    assert hit.explanation is not None
    return hit.explanation


def part(explanation: Explanation, name: str) -> ScorePart:
    (found,) = (one for one in explanation.parts if one.name == name)
    return found


def word(explanation: Explanation, text: str) -> WordFound:
    (found,) = (one for one in explanation.words if one.word == text)
    return found


def kinds(explanation: Explanation) -> list[str]:
    return [obstacle.kind for obstacle in explanation.obstacles]


# --- what adds up -----------------------------------------------------------------------------


def test_every_part_of_a_score_has_a_russian_name() -> None:
    assert set(LABELS) == {*PARTS_OF_SCORE, NEAR, REPRINT}
    assert all("а" <= letter <= "я" or letter in "ё ,:" for label in LABELS.values() for letter in label)
    assert len(set(LABELS.values())) == len(LABELS)
    assert set(LABELS) >= BY_WORD | WITHOUT_WORDS


def test_the_parts_of_every_hit_add_up_to_its_score(every_hit: list[tuple[str, Hit]]) -> None:
    near = lent = 0
    for text, hit in every_hit:
        found = of(hit)
        assert found.order == "score"
        assert found.score == hit.score
        assert sum(one.value for one in found.parts) == pytest.approx(hit.score, abs=1e-9), text
        assert [one.name for one in found.parts][: len(PARTS_OF_SCORE)] == list(PARTS_OF_SCORE)
        near += NEAR in {one.name for one in found.parts}
        lent += found.parts[-1].name == REPRINT
    assert near > 100, "near matches under full ones were among them"
    assert lent > 1, "articles shown for a better reprint were among them"


def test_what_words_gave_adds_up_to_their_part(every_hit: list[tuple[str, Hit]]) -> None:
    several = 0
    for text, hit in every_hit:
        for one in of(hit).parts:
            if one.name in BY_WORD:
                gave = [share.value or 0.0 for share in one.words]
                assert sum(gave) == pytest.approx(one.value, abs=1e-9), (text, one)
                several += len(gave) > 1
            else:
                assert all(share.value is None for share in one.words)
                assert bool(one.words) == (one.value > 1e-9 and one.name not in WITHOUT_WORDS)
    assert several > 100


def test_an_article_is_explained_as_its_row_is(service: SearchService) -> None:
    for text in [*QUERIES[::7], "ghbrfp vbybcnthcndf"]:
        for place, hit in enumerate(hits(service, text), 1):
            found = of(hit)
            assert found.place == place
            assert found.missing == hit.missing
            assert (found.match == "near") == bool(hit.missing)
            assert (found.id, found.original, found.published) == (hit.id, hit.original, hit.published)
            if place % 9 == 1:
                assert service.explain(SearchRequest(text, page=3), hit.id) == found


def test_a_row_is_explained_on_whichever_page_it_is(service: SearchService) -> None:
    request = SearchRequest("школа", page=3, per_page=7, explain=True)
    page = service.search(request)
    assert [of(hit).place for hit in page.hits] == list(range(15, 22))
    assert [of(hit) for hit in page.hits] == [of(hit) for hit in hits(service, "школа")][14:21]


def test_an_article_is_placed_among_the_rows_that_pages_count(service: SearchService) -> None:
    folded = 0
    for text in ("школа", "наставничество в школах", "наставник робот экзамен"):
        page = service.search(SearchRequest(text, per_page=MAX_DEPTH))
        assert page.rows == len(page.hits) < page.total + page.near_total
        for place, hit in enumerate(page.hits, 1):
            for one in (hit.id, *(reprint.id for reprint in hit.reprints)) if hit.reprints else ():
                found = service.explain(SearchRequest(text), one)
                assert (found.place, found.rows, found.reprint_count) == (place, page.rows, 1)
                assert (found.folded_into.id if found.folded_into else one) == hit.id
                folded += found.folded_into is not None
    assert folded > 3


def test_what_is_not_asked_for_is_not_made(service: SearchService) -> None:
    assert {hit.explanation for hit in service.search(SearchRequest("школа")).hits} == {None}


def test_where_words_stand_agrees_with_what_they_gave(every_hit: list[tuple[str, Hit]]) -> None:
    for _, hit in every_hit:
        found = of(hit)
        in_title = {one.word for one in found.words if dict(one.places).get("title")}
        there = {one.word for one in found.words if one.state in {"exact", "form", "synonym"}}
        same = {one.word for one in found.words if one.state == "exact"}
        kin = {one.word for one in found.words if one.state == "kin"}
        assert {share.word for share in part(found, "words").words} == there
        assert {share.word for share in part(found, "form").words} == same
        assert {share.word for share in part(found, "kin").words} == kin
        title = {share.word for share in part(found, "title").words}
        assert title == {name for name in in_title if name in there}


# --- words ------------------------------------------------------------------------------------


def test_a_word_says_how_rare_it_is_where_it_stands_and_in_which_forms(service: SearchService) -> None:
    found = service.explain(SearchRequest("наставничество в школах"), "a019")
    mentor, school = found.words
    assert (mentor.word, mentor.state, mentor.articles) == ("наставничество", "exact", 9)
    assert mentor.places == (("lead", 1), ("tags", 1))
    assert [(one.form, one.count, one.same) for one in mentor.forms] == [("наставничество", 2, True)]
    assert "".join(segment.text for segment in mentor.shown).startswith("Как наставничество работает")
    assert [segment.text for segment in mentor.shown if segment.match] == ["наставничество"]
    assert (school.state, school.places) == ("form", (("title", 1), ("lead", 1), ("body", 1)))
    assert [(one.form, one.count, one.same) for one in school.forms] == [
        ("школе", 2, False),
        ("школы", 1, False),
    ]
    assert "".join(segment.text for segment in school.shown) == found.title
    assert found.documents == 92
    assert found.ignored == ("в",)


def test_stop_words_alone_are_not_left_aside(service: SearchService) -> None:
    found = of(hits(service, "после")[0])
    assert found.ignored == ()
    assert [one.word for one in found.words] == ["после"]


def test_words_that_stand_together_are_named(service: SearchService) -> None:
    found = service.explain(SearchRequest("наставник ученица робот"), "a019")
    assert [share.word for share in part(found, "sentence").words] == ["наставник", "ученица"]
    assert [share.word for share in part(found, "window").words] == ["наставник", "ученица"]
    assert part(found, "date").words == ()


def test_a_word_of_the_date_has_a_place_and_no_form(service: SearchService) -> None:
    found = of(next(hit for hit in hits(service, "август") if dict(of(hit).words[0].places) == {"date": 1}))
    assert [one.form for one in found.words[0].forms] == [""]
    assert found.words[0].shown == ()


# --- full and near ----------------------------------------------------------------------------


def test_kin_alone_are_told_from_the_word(service: SearchService) -> None:
    found = of(next(hit for hit in hits(service, "директорский музей") if part(of(hit), "kin").value))
    kin = word(found, "директорский")
    assert (kin.state, kin.articles) == ("kin", 0)
    assert all(one.form.lower().startswith("директор") and not one.same for one in kin.forms)
    assert any(segment.match for segment in kin.shown)
    assert [share.word for share in part(found, "kin").words] == ["директорский"]
    assert (found.match, found.missing) == ("near", ("директорский",))


def test_a_near_match_says_what_it_lacks_and_how_it_is_put_below(service: SearchService) -> None:
    found = service.explain(SearchRequest("наставник робот экзамен"), "a019")
    assert (found.match, found.total, found.missing) == ("near", 1, ("робот", "экзамен"))
    assert [one.state for one in found.words] == ["exact", "absent", "absent"]
    last = min(of(hit).score or 0 for hit in hits(service, "наставник робот экзамен") if not hit.missing)
    assert found.score is not None
    assert found.score < last
    assert part(found, NEAR).value == pytest.approx(
        found.score - sum(one.value for one in found.parts if one.name != NEAR)
    )


def test_near_matches_alone_are_not_moved(service: SearchService) -> None:
    found = of(hits(service, "наставничество крокодил")[0])
    assert (found.match, found.total) == ("near", 0)
    assert NEAR not in [one.name for one in found.parts]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('"ученица наставника"', "«ученица наставника» подряд"),
        ("!наставники", "наставники в этой форме"),
        ("заголовок:педагог", "педагог в заголовке"),
        ("заголовок:!наставника", "наставника в этой форме в заголовке"),
        ('заголовок:"ученица наставника"', "«ученица наставника» подряд в заголовке"),
        ("крокодил OR бегемот", "крокодил ИЛИ бегемот"),
    ],
)
def test_what_is_lacking_is_said_with_what_was_asked_of_it(
    service: SearchService, text: str, missing: str
) -> None:
    found = service.explain(SearchRequest(text, correct="off"), "a019")
    assert (found.match, found.place, found.missing) == ("none", None, (missing,))
    assert [obstacle.text for obstacle in found.obstacles] == [f"В статье нет: {missing}."]
    assert (found.score, found.parts, found.order) == (None, (), "")


def test_a_phrase_that_is_there_is_a_full_match(service: SearchService) -> None:
    found = service.explain(SearchRequest('"наставник и ученица"'), "a019")
    assert (found.match, found.place) == ("none", None)
    found = service.explain(SearchRequest('"наставник и его ученица"'), "a019")
    assert (found.match, found.total, found.ignored) == ("full", 2, ("и", "его"))


# --- why not ----------------------------------------------------------------------------------


def test_an_article_without_any_word_is_told_so(service: SearchService) -> None:
    found = service.explain(SearchRequest("наставник робот экзамен"), "a001")
    assert found.missing == ("наставник", "робот", "экзамен")
    (only,) = found.obstacles
    assert only.text == "В статье нет ни одного слова запроса: наставник, робот, экзамен."
    assert [one.state for one in found.words] == ["absent"] * 3


def test_near_matches_are_not_shown_where_full_ones_are_enough(service: SearchService) -> None:
    text = "школа учитель"
    shown = {hit.id for hit in hits(service, text)}
    lacking = next(hit.id for hit in hits(service, "школа") if hit.id not in shown)
    found = service.explain(SearchRequest(text), lacking)
    assert found.total >= NEAR_BELOW
    assert (found.missing, kinds(found)) == (("учитель",), ["words", "enough"])
    assert str(found.total) in found.obstacles[1].text


@pytest.mark.parametrize(
    ("text", "asked", "kind", "said"),
    [
        ("школа -ученица", {}, "excluded", "Исключена условием «-ученица»."),
        ('школа -"его ученица"', {}, "excluded", 'Исключена условием «-"его ученица"».'),
        ("школа -год:2022", {}, "excluded", "Исключена условием «-год:2022»."),
        ("школа год:2020", {}, "filter", "год «2020». У статьи год: «2022»."),
        ("школа", {"filters": {"tag": ("крокодил",)}}, "filter", "метка «крокодил». У статьи метки: «"),
        ("школа", {"filters": {"category": ("Приказы",)}}, "filter", "раздел «Приказы». У статьи разделы: «"),
        ("источник:чужой школа", {}, "filter", "У статьи источник: «Институт развития образования»."),
        ("школа", {"since": datetime(2023, 1, 1).date()}, "dates", "08.12.2022, а искали с 01.01.2023."),
        ("дата:2021 школа", {}, "dates", "а искали с 01.01.2021 по 31.12.2021."),
        ("школа", {"until": datetime(2020, 5, 9).date()}, "dates", "а искали по 09.05.2020."),
        ("дата:2021 дата:2020 школа", {}, "dates", "противоречат друг другу"),
    ],
)
def test_a_condition_that_is_not_met_is_named(
    service: SearchService, text: str, asked: dict[str, object], kind: str, said: str
) -> None:
    found = service.explain(SearchRequest(text, correct="off", **asked), "a019")  # type: ignore[arg-type]
    assert (found.place, found.missing, kinds(found)) == (None, (), [kind])
    assert said in found.obstacles[0].text
    assert word(found, "школа").places  # which words stand where is told all the same


def test_all_that_is_in_the_way_is_named(service: SearchService) -> None:
    request = SearchRequest("крокодил -ученица год:2020", until=datetime(2019, 1, 1).date(), correct="off")
    found = service.explain(request, "a019")
    assert kinds(found) == ["words", "excluded", "filter", "dates"]


def test_a_search_for_nothing_is_told_so(service: SearchService) -> None:
    for text in ("", "   ", "!!", "-школа"):
        found = service.explain(SearchRequest(text), "a019")
        assert (found.match, kinds(found), found.words) == ("none", ["empty"], ())


def test_every_article_is_a_row_or_has_something_in_its_way(service: SearchService) -> None:
    everything = sorted(hit.id for hit in hits(service, "дата:..2030", fold=False))
    assert len(everything) == 92
    for text in ("учитель школа", "наставник -школа", '"итоги года"', "год:2022 музей"):
        shown = {hit.id: of(hit) for hit in hits(service, text)}
        places = {
            name: place
            for place, hit in enumerate(hits(service, text), 1)
            for name in (hit.id, *(reprint.id for reprint in hit.reprints))
        }
        for article_id in everything[::3]:
            found = service.explain(SearchRequest(text), article_id)
            assert (found.place is None) == bool(found.obstacles) == (article_id not in places)
            assert found.place == places.get(article_id)
            assert found == shown.get(article_id, found)


def test_a_synonym_is_told_from_the_word(service: SearchService) -> None:
    states = {}
    for hit in hits(service, "единый государственный экзамен"):
        one = word(of(hit), "государственный")
        states[one.state] = one
    assert [form.form for form in states["synonym"].forms if "ЕГЭ" in form.form]
    assert not any(form.same for form in states["synonym"].forms)
    assert any(segment.match and "ЕГЭ" in segment.text for segment in states["synonym"].shown)


# --- the query --------------------------------------------------------------------------------


def test_a_repaired_query_is_explained_as_it_was_answered(service: SearchService) -> None:
    found = of(hits(service, "ghbrfp vbybcnthcndf")[0])
    assert (found.asked, found.effective) == ("ghbrfp vbybcnthcndf", "приказ министерства")
    assert [(one.kind, one.replacement) for one in found.corrections] == [
        ("layout", "приказ"),
        ("layout", "министерства"),
    ]
    assert [one.word for one in found.words] == ["приказ", "министерства"]
    only = service.explain(SearchRequest("j,hfpjdfybt", correct="suggest"), "a019")
    assert (only.effective, only.corrections, only.suggestions) == ("j,hfpjdfybt", (), ("образование",))
    assert only.match == "none"


def test_a_query_that_was_cut_off_is_told_so(service: SearchService) -> None:
    assert service.explain(SearchRequest("школа " * 40), "a019").truncated
    assert not service.explain(SearchRequest("школа"), "a019").truncated


def test_by_date_there_is_no_score(service: SearchService) -> None:
    for text, sort in (("школа", "-date"), ("школа", "date"), ("год:2022", "relevance")):
        for hit in hits(service, text, sort=sort):
            found = of(hit)
            assert (found.order, found.match, found.score, found.parts) == ("date", "full", None, ())
    near = [of(hit) for hit in hits(service, "наставник робот экзамен", sort="-date") if hit.missing]
    assert near  # they go by score even so
    assert all(sum(one.value for one in found.parts) == pytest.approx(found.score) for found in near)


def test_dates_that_exclude_one_another_are_refused_as_in_a_search(service: SearchService) -> None:
    request = SearchRequest("школа", since=datetime(2022, 1, 1).date(), until=datetime(2021, 1, 1).date())
    with pytest.raises(BadRequestError):
        service.explain(request, "a019")


# --- which article ----------------------------------------------------------------------------


def test_an_article_goes_by_its_id_or_its_address_in_any_spelling(service: SearchService) -> None:
    request = SearchRequest("школа")
    found = service.explain(request, "a019")
    bare = found.original.removeprefix("https://").rstrip("/")
    for name in (found.original, f"http://{bare}", f"https://www.{bare}/#top"):
        assert service.explain(request, name) == found


@pytest.mark.parametrize("name", ["", "a999", "нет такой", "https://iro.example/другая/", "https://[", "%"])
def test_an_unknown_article_is_an_error(service: SearchService, name: str) -> None:
    with pytest.raises(NotFoundError):
        service.explain(SearchRequest("школа"), name)


# --- a long answer ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=ENGINES)
def many(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer
) -> Iterator[SearchService]:
    """A search over more articles than are ever shown, each of the same few words."""
    bed = Bed.open(tmp_path_factory.mktemp("many"), analyzer, engine=request.param)
    with bed.archive.batch():
        for number in range(MAX_DEPTH + 5):
            text = (Paragraph("Школьный музей" + " ждёт гостей" * (number % 40)),)
            bed.archive.put(
                Article(
                    f"a{number:04}", SITE.id, f"https://iro.example/{number}/", "Музей", body=text,
                    published=datetime(2020, 1, 1, tzinfo=UTC) if number else None,
                )
            )  # fmt: skip
    bed.rebuild()
    with closing(bed.archive), closing(LiveIndex(bed.generations)) as live:
        yield SearchService(live, analyzer)


def test_beyond_the_ranked_rows_the_engines_order_holds(many: SearchService) -> None:
    found = [of(hit) for hit in hits(many, "музей")]
    assert len(found) == MAX_DEPTH
    assert {one.order for one in found[:RERANKED]} == {"score"}
    assert {(one.order, one.match, one.parts) for one in found[RERANKED:]} == {("engine", "full", ())}
    row = many.explain(SearchRequest("музей"), found[500].id)
    assert (row.place, row.order, row.score) == (501, "engine", found[500].score)


def test_deeper_than_is_shown_an_article_is_said_to_match(many: SearchService) -> None:
    shown = {hit.id for hit in hits(many, "музей")}
    for article_id in (f"a{number:04}" for number in range(MAX_DEPTH + 5)):
        if article_id not in shown:
            found = many.explain(SearchRequest("музей"), article_id)
            assert (found.match, found.place, kinds(found)) == ("full", None, ["depth"])


def test_near_matches_beyond_the_best_are_said_to_be_too_many(many: SearchService) -> None:
    shown = {hit.id for hit in hits(many, "музей крокодил")}
    assert len(shown) == RERANKED
    other = next(name for name in (f"a{number:04}" for number in range(RERANKED + 1)) if name not in shown)
    found = many.explain(SearchRequest("музей крокодил"), other)
    assert (found.total, found.missing, kinds(found)) == (0, ("крокодил",), ["words", "enough"])
    assert "больше 200" in found.obstacles[1].text


def test_an_article_without_a_date_is_told_so(many: SearchService) -> None:
    found = many.explain(SearchRequest("музей", since=datetime(2019, 1, 1).date()), "a0000")
    assert kinds(found) == ["dates"]
    assert "статья без даты, а искали с 01.01.2019" in found.obstacles[0].text
    found = many.explain(SearchRequest("музей год:2020 тег:школа"), "a0000")
    assert kinds(found) == ["filter", "filter"]
    assert all(obstacle.text.endswith("У статьи этого нет.") for obstacle in found.obstacles)


def test_a_removed_article_is_unknown_and_a_changed_one_is_explained_anew(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    bed = Bed.open(tmp_path, analyzer)
    bed.put(range(4))
    bed.rebuild()
    with closing(bed.archive), closing(LiveIndex(bed.generations)) as live:
        service = SearchService(live, analyzer)
        before = service.explain(SearchRequest("щелкопёр", correct="off"), "a001")
        bed.put([1], "Щелкопёр")
        bed.remove(2)
        bed.sync()
        after = service.explain(SearchRequest("щелкопёр"), "https://iro.example/1/")
        assert (before.match, after.match, after.place) == ("none", "full", 1)
        assert before.version != after.version
        for name in ("a002", "https://iro.example/2/"):
            with pytest.raises(NotFoundError):
                service.explain(SearchRequest("лид"), name)


# --- whatever is typed ------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *("школа", "в", "и", "наставник", "-", "!", '"', "«", "OR", "ИЛИ", "заголовок:", "-тег:"),
                *("год:2022", "дата:2021..", "<script>", "&lt;b>", "\u202e", "\u0301", "е\u0308", "273-ФЗ"),
                *("\ud83d\ude00", "C++", "iro@site.ru", "школьнику", "директорский", "%00", "\x00", "ghbrfp"),
            ]
        ),
        max_size=12,
    ).map(" ".join),
)


@settings(max_examples=60, deadline=None)
@given(HOSTILE, st.sampled_from(["a001", "a019", "b012"]), st.sampled_from(["relevance", "-date"]))
def test_whatever_is_typed_is_explained(service: SearchService, text: str, name: str, sort: str) -> None:
    found = service.explain(SearchRequest(text, sort=sort), name)  # type: ignore[arg-type]
    assert (found.place is None) == bool(found.obstacles)
    assert (found.score is None) == (found.order in {"", "date"})
    if found.order == "score":
        assert sum(one.value for one in found.parts) == pytest.approx(found.score, abs=1e-9)
    for one in found.words:
        assert sum(form.count for form in one.forms) == sum(number for _, number in one.places)
        assert (one.state == "absent") == (not one.places)

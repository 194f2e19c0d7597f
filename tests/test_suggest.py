"""Completion over real indexes: what begins so, in other layouts, with a letter wrong, and what went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import Bed, draft, files_with
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.analysis import Analyzer
from searchsvc.letters import RUSSIAN
from searchsvc.lexicon import Entry, Lexicon
from searchsvc.live import LiveIndex
from searchsvc.prefixes import near_prefixes
from searchsvc.results import SearchRequest, Suggestion
from searchsvc.search import SearchService
from searchsvc.stopwords import STOP_WORDS
from searchsvc.wording import key_of


def texts(service: SearchService, typed: str, kind: str = "", limit: int = 8) -> list[str]:
    return [one.text for one in service.suggest(typed, limit) if kind in {"", one.kind}]


# --- words ------------------------------------------------------------------------------------


def test_a_word_is_completed_as_people_write_it_the_most_frequent_first(
    sample_service: SearchService,
) -> None:
    assert texts(sample_service, "обра")[0] == "образование"
    assert texts(sample_service, "Фг")[0] == "ФГОС"
    assert texts(sample_service, "ребе") == ["ребёнок"]
    assert "Верхнелужск" in texts(sample_service, "верхнелу")


def test_the_forms_of_a_word_are_one_completion(sample_service: SearchService, analyzer: Analyzer) -> None:
    found = texts(sample_service, "школ", "word")
    assert found[0] == "школа"
    assert len({analyzer.lemmas(word)[0] for word in found}) == len(found) >= 2


def test_what_is_typed_whole_is_not_offered_again(sample_service: SearchService) -> None:
    found = texts(sample_service, "школа")
    assert "школа" not in found
    assert "школа молодого учителя" in found


@pytest.mark.parametrize("typed", ["о", "н", "по", "и", "в", "к"])
def test_a_letter_completes_to_words_that_mean_something(sample_service: SearchService, typed: str) -> None:
    found = texts(sample_service, typed, "word")
    assert found
    assert not STOP_WORDS & set(found)


def test_only_the_last_word_is_completed_and_only_to_what_has_hits(sample_service: SearchService) -> None:
    found = sample_service.suggest("  итоги   ЕГЭ шко", 8)
    assert "итоги ЕГЭ школы" in [one.text for one in found]
    for one in found:
        assert sample_service.search(SearchRequest(one.text, correct="off")).total > 0, one


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ('"итоги ЕГЭ" шко', '"итоги ЕГЭ" школы'),
        ('"итоги е', '"итоги ЕГЭ'),
        ("«систе", "«система"),
        ("заголовок:настав", "заголовок:наставник"),
        ("экзамен -олимп", "экзамен -олимпиада"),
        ("!настав", "!наставник"),
        ("год:2022 настав", "год:2022 наставник"),
        ("наставник ИЛИ олимп", "наставник ИЛИ олимпиада"),
        ("школа № 5 учи", "школа № 5 учитель"),
        ("в коллед", "в колледже"),
    ],
)
def test_what_stands_before_the_last_word_stays(
    sample_service: SearchService, typed: str, completed: str
) -> None:
    assert completed in texts(sample_service, typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "…",
        '"итоги ЕГЭ»',
        "категория:шко",
        "год:20",
        "-тег:фг",
        "https://iro.ex",
        "iro@exam",
        "щ" * 60,
    ],
)
def test_what_is_no_beginning_of_a_word_is_not_completed(sample_service: SearchService, typed: str) -> None:
    assert sample_service.suggest(typed) == ()


def test_no_completion_of_the_sample_is_a_dead_end(sample_service: SearchService) -> None:
    for typed in ("в", "о", "кому-то сд", "как кон", "учитель п", "педагог в ш", "экзамен 20", "лицей н"):
        for one in sample_service.suggest(typed, 10):
            found = sample_service.search(SearchRequest(one.text, correct="off"))
            assert found.total > 0 or one.kind == "category", one


def test_words_behind_an_operator_are_not_completed_by_phrases(sample_service: SearchService) -> None:
    assert texts(sample_service, "школьный", "phrase")
    assert not texts(sample_service, "заголовок:школьный", "phrase")


def test_no_more_than_asked_for(sample_service: SearchService) -> None:
    for limit in range(21):
        found = sample_service.suggest("п", limit)
        assert len(found) <= limit
        assert len({key_of(one.text) for one in found}) == len(found)
    assert len(sample_service.suggest("п", 20)) == 20


# --- phrases, titles, categories --------------------------------------------------------------


def test_phrases_go_on_with_several_words(sample_service: SearchService) -> None:
    assert texts(sample_service, "итоги", "phrase")[0] == "итоги ЕГЭ"
    assert texts(sample_service, "Августовская конф", "phrase") == ["августовская конференция"]
    assert "учитель года Верхнелужской области" in texts(sample_service, "учитель го")


def test_phrases_of_the_same_lemmas_are_one(tmp_path: Path, analyzer: Analyzer) -> None:
    titles = [*["Итоги единого экзамена"] * 4, *["Сдан единый экзамен"] * 3, *["К единым экзаменам"] * 3]
    with service_of(tmp_path, analyzer, titles) as service:
        assert texts(service, "единый эк", "phrase") == ["единый экзамен"]
        assert texts(service, "един", "phrase") == ["единый экзамен"]


def test_titles_lead_to_their_articles_the_newest_first(sample_service: SearchService) -> None:
    found = [one for one in sample_service.suggest("итоги", 8) if one.kind == "title"]
    articles = [sample_service.article(one.target) for one in found]
    assert [article.title for article in articles] == [one.text for one in found]
    days = [article.published for article in articles if article.published]
    assert days == sorted(days, reverse=True)
    assert not [one for one in sample_service.suggest("ит", 20) if one.kind == "title"]


def test_a_title_that_would_be_read_as_operators_is_not_offered(tmp_path: Path, analyzer: Analyzer) -> None:
    titles = ["Вопросы год:2019", "Вопросы или ответы", "Вопросы -2024"]
    with service_of(tmp_path, analyzer, titles) as service:
        assert texts(service, "вопросы", "title") == ["Вопросы или ответы"]


def test_categories_are_offered_by_name(sample_service: SearchService) -> None:
    category = Suggestion("Конкурсы и олимпиады", "category", "Конкурсы и олимпиады")
    assert category in sample_service.suggest("конк")
    assert category in sample_service.suggest("конкурсы и ол")
    assert texts(sample_service, "настав").count("наставничество") == 1  # the word has a category's name


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("j,hfp", "образование"),
        ("J,HFP", "образование"),
        ("Образовfyb", "образование"),
        ("j,разо", "образование"),
        ("atl", "федеральный"),
        ("bnjub tu", "итоги ЕГЭ"),
        ("итоги tu", "итоги ЕГЭ"),
    ],
)
def test_the_other_keyboard_layout_completes_too(
    sample_service: SearchService, typed: str, completed: str
) -> None:
    found = {one.text: one.corrected for one in sample_service.suggest(typed, 8)}
    assert found.get(completed) is True, found


def test_latin_words_typed_in_the_russian_layout_are_found(tmp_path: Path, analyzer: Analyzer) -> None:
    with service_of(tmp_path, analyzer, ["Основы Word для школ"]) as service:
        assert [(one.text, one.corrected) for one in service.suggest("цщ")] == [("Word", True)]
        assert [(one.text, one.corrected) for one in service.suggest("Wo")] == [("Word", False)]


@pytest.mark.parametrize(
    "typed", ["обрзова", "оразова", "обрразова", "боразова", "абразова", "обрасова", "образлва"]
)
def test_one_letter_may_be_wrong(sample_service: SearchService, typed: str) -> None:
    first = sample_service.suggest(typed)[0]
    assert (first.text, first.corrected) == ("образование", True)


def test_a_short_beginning_is_taken_at_its_word(sample_service: SearchService) -> None:
    assert sample_service.suggest("обрщ") == ()


def test_a_letter_is_changed_only_where_nothing_begins_so(sample_service: SearchService) -> None:
    assert not any(one.corrected for one in sample_service.suggest("образ", 20))


def test_words_before_that_the_archive_lacks_are_put_right(sample_service: SearchService) -> None:
    found = sample_service.suggest("обрзование шко")
    assert found[0].text.startswith("образование школ")
    assert all(one.corrected for one in found)


forms = st.text(RUSSIAN[:6], min_size=2, max_size=9)


@given(st.lists(forms, min_size=1, max_size=12, unique=True), st.text(RUSSIAN[:6], min_size=3, max_size=7))
@settings(deadline=None)
def test_near_beginnings_are_those_one_edit_away(words: list[str], typed: str) -> None:
    def near(one: str) -> bool:
        cuts = [(typed[:place], typed[place:]) for place in range(len(typed) + 1)]
        return (
            any(one == head + tail[1:] for head, tail in cuts if tail)
            or any(one == head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1)
            or any(one == head + letter + tail[1:] for head, tail in cuts if tail for letter in RUSSIAN)
            or any(one == head + letter + tail for head, tail in cuts for letter in RUSSIAN)
        )

    lexicon = Lexicon.of([Entry(word, word, 1) for word in words])
    expected = {
        word[:size]
        for word in words
        for size in range(len(typed) - 1, len(typed) + 2)
        if size <= len(word) and near(word[:size])
    } - {typed}
    assert set(near_prefixes(lexicon, typed, 1000)) - {typed} == expected


def test_near_beginnings_of_what_is_no_word_are_none() -> None:
    lexicon = Lexicon.of(
        [Entry("школа", "школа", 1)],
    )
    assert near_prefixes(lexicon, "шк+ла", 3) == []
    assert near_prefixes(lexicon, "", 3) == []


pieces = st.sampled_from(
    [
        *("школа", "ЕГЭ", "итоги ", "j,h", "настав", "год:", "-", "!", "заголовок:", '"', "«", "»"),
        *(" ", ":", "[", "2022", "ё", "\u0301", "ИЛИ ", "№"),
    ]
)
typing = st.lists(pieces | st.characters(), max_size=7).map("".join)


@given(typing)
@settings(deadline=None, max_examples=150)
def test_no_string_raises_and_completions_say_what_was_changed(
    sample_service: SearchService, typed: str
) -> None:
    for one in sample_service.suggest(typed, 10):
        assert one.text == one.text.strip() != ""
        assert one.corrected or key_of(one.text).startswith(key_of(typed))


@given(
    st.sampled_from(["наставничество", "образование", "олимпиада", "Верхнелужск", "ФГОС"]), st.integers(3, 10)
)
@settings(deadline=None, max_examples=40)
def test_a_frequent_word_is_reached_by_its_letters(
    sample_service: SearchService, word: str, letters: int
) -> None:
    begin = word[: min(letters, len(word) - 1)]
    assert word in texts(sample_service, begin, limit=20)


# --- what was withdrawn -----------------------------------------------------------------------


class service_of:  # noqa: N801 - reads like a function
    """A service over articles of some titles, with tags that are theirs alone."""

    def __init__(self, folder: Path, analyzer: Analyzer, titles: list[str]) -> None:
        self.bed = Bed.open(folder, analyzer)
        with self.bed.archive.batch():
            for number, title in enumerate(titles):
                self.bed.archive.put(replace(draft(number), title=title, tags=(f"Метка номер {number}",)))
        self.bed.rebuild()
        self._live = LiveIndex(self.bed.generations)

    def __enter__(self) -> SearchService:
        return SearchService(self._live, self.bed.analyzer)

    def __exit__(self, *_: object) -> None:
        self._live.close()


@pytest.fixture
def three(tmp_path: Path, analyzer: Analyzer) -> Iterator[tuple[Bed, SearchService]]:
    """Three articles whose titles share a phrase with a word that nothing else has."""
    made = service_of(tmp_path, analyzer, [f"Номер {n}: межгалактический чемпионат" for n in range(3)])
    with made as service:
        yield made.bed, service


def test_nothing_withdrawn_is_offered_once_it_is_synced(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    assert texts(service, "межгал") == ["межгалактический", "межгалактический чемпионат"]
    assert texts(service, "Номер 1") == ["Номер 1: межгалактический чемпионат"]
    bed.remove(1)
    bed.sync()
    assert texts(service, "межгал") == ["межгалактический", "межгалактический чемпионат"]
    assert texts(service, "Номер 1") == []
    assert texts(service, "метка номер", "phrase") == ["Метка номер 0", "Метка номер 2"]
    bed.remove(0, 2)
    bed.sync()
    assert service.suggest("межгал") == service.suggest("номер") == service.suggest("метка") == ()


def test_what_is_new_is_offered_once_it_is_synced(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    bed.archive.put(replace(draft(9), title="Подводный чемпионат", tags=("Подводная школа",)))
    bed.sync()
    assert texts(service, "подвод") == ["Подводный", "Подводная школа", "Подводный чемпионат"]


def test_nothing_of_a_purged_article_is_left(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    bed.archive.put(replace(draft(9), title="Подводный чемпионат", tags=("Подводная школа",)))
    bed.sync()
    bed.purge(draft(9).id)
    assert service.suggest("подводн") == ()
    assert files_with(bed.index, "подводн") == []


def test_a_reader_of_an_older_state_gets_its_titles(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    pinned = service.pinned()
    assert pinned.suggest("номер 1")
    bed.remove(1)
    bed.sync()
    assert [one.text for one in pinned.suggest("Номер 1")] == ["Номер 1: межгалактический чемпионат"]
    assert service.suggest("номер 1") == ()


def test_the_files_of_a_generation_are_right_after_a_rollback(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    bed.rebuild()
    bed.remove(0, 1, 2)
    bed.sync()
    bed.rollback()
    assert service.suggest("межгал") == ()
    with closing(bed.generations.current()) as generation:
        assert generation.store.check() == "ok"

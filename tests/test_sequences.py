"""Words that stand side by side in articles: what is counted, what is left, what is forgotten."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import Bed, document, draft, files_with
from hypothesis import given, settings
from hypothesis import strategies as st

import searchsvc.store.sequences
from corpus.article import Article, Paragraph
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.synonyms import SynonymBook
from searchsvc.search import SearchService
from searchsvc.store.phrases import UNFILED_LEAST
from searchsvc.store.sequences import LEAST_LONGER, LONGEST, MOSTLY, shared_sequences
from searchsvc.store.store import Store


def article(number: int, *body: str, title: str = "") -> Article:
    return replace(
        draft(number), title=title or f"{number}", lead="", tags=(), body=tuple(map(Paragraph, body))
    )


def found(tmp_path: Path, analyzer: Analyzer, articles: Iterable[Article]) -> dict[str, int]:
    store = Store.create(tmp_path / "store.db")
    documents = [document(one, analyzer) for one in articles]
    with store.writing() as writer:
        for one in documents:
            writer.add(one, 1)
    with store.writing() as writer:
        entries = shared_sequences(writer, lambda: {form for one in documents for form in one.forms()})
    store.close()
    assert [entry.form for entry in entries] == sorted({entry.form for entry in entries})
    return {entry.form: entry.documents for entry in entries}


# --- what is counted --------------------------------------------------------------------------


def test_words_side_by_side_are_counted_once_an_article(tmp_path: Path, analyzer: Analyzer) -> None:
    texts = ["Точка роста. Точка роста", "точка Роста открыта", "рост точки"]
    articles = [article(number, text) for number, text in enumerate(texts)]
    assert found(tmp_path, analyzer, articles) == {"точка роста": 2, "роста открыта": 1, "рост точки": 1}


@pytest.mark.parametrize(
    "parted", ["школа, урок", "школа. Урок", "школа — урок", "школа «урок»", "школа (урок)", "школа\nурок"]
)
def test_marks_part_words(tmp_path: Path, analyzer: Analyzer, parted: str) -> None:
    assert found(tmp_path, analyzer, [article(1, parted)]) == {}


def test_parts_of_an_article_and_its_paragraphs_are_apart(tmp_path: Path, analyzer: Analyzer) -> None:
    one = replace(article(1, "урок", "класс", title="школа"), lead="лицей", tags=("день учителя",))
    assert found(tmp_path, analyzer, [one]) == {}


def test_a_compound_is_one_word(tmp_path: Path, analyzer: Analyzer) -> None:
    texts = article(1, "учебно-методический совет"), article(2, "новый онлайн-урок прошёл")
    assert set(found(tmp_path, analyzer, texts)) == {
        "учебно-методический совет",
        "новый онлайн-урок",
        "онлайн-урок прошел",
    }


def test_stop_words_stand_within_or_before_but_not_at_the_end(tmp_path: Path, analyzer: Analyzer) -> None:
    counted = found(tmp_path, analyzer, [article(1, "подготовка к экзамену в школе и")])
    assert set(counted) == {"подготовка к экзамену", "к экзамену", "экзамену в школе", "в школе"}


def test_a_number_may_begin_a_sequence(tmp_path: Path, analyzer: Analyzer) -> None:
    assert set(found(tmp_path, analyzer, [article(1, "11 класс 12 школы")])) == {"11 класс", "12 школы"}


def test_more_than_two_words_take_three_articles(tmp_path: Path, analyzer: Analyzer) -> None:
    texts = ["единый государственный экзамен", "единый государственный реестр", "единый государственный сайт"]
    few = found(tmp_path, analyzer, [article(n, text) for n, text in enumerate(texts)])
    assert max(len(form.split()) for form in few) == 2
    assert few["единый государственный"] == 3


def test_what_mostly_goes_on_is_left_to_the_longer_one(tmp_path: Path, analyzer: Analyzer) -> None:
    texts = ["единый государственный экзамен"] * 4 + ["единый государственный реестр"]
    counted = found(tmp_path, analyzer, [article(n, f"{text} {n}") for n, text in enumerate(texts)])
    assert counted == {
        "единый государственный экзамен": 4,
        "государственный экзамен": 4,
        "государственный реестр": 1,
    }


def test_a_text_on_many_sites_counts_once(tmp_path: Path, analyzer: Analyzer) -> None:
    text = " ".join(f"Пятиклассники сажают дерево номер {n} во дворе лицея и читают стихи." for n in range(9))
    bed = Bed.open(tmp_path, analyzer)
    with bed.archive.batch():
        for number in range(3):
            bed.archive.put(article(number, text))
        bed.archive.put(article(9, "Пятиклассники сажают огурцы"))
    bed.rebuild()
    store = bed.generations.current().store
    assert store.phrases().sequences.entry("пятиклассники сажают").documents == 2  # type: ignore[union-attr]


def test_the_most_frequent_are_kept(
    tmp_path: Path, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchsvc.store.sequences, "FEWEST_KEPT", 0)  # as many as there are words
    often = [article(n, "точка роста") for n in range(3)]
    rare = [article(9, "а б в г д е ж з и к л м н о п р с т у ф х ц ч ш щ э ю я".replace(" ", " слово "))]
    counted = found(tmp_path, analyzer, [*rare, *often])
    assert counted["точка роста"] == 3
    forms = {form for one in (*rare, *often) for form in document(one, analyzer).forms()}
    assert len(counted) <= len(forms)


def test_in_little_memory_the_rare_ones_are_forgotten(
    tmp_path: Path, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchsvc.store.sequences, "COUNTED", 5)
    monkeypatch.setattr(searchsvc.store.sequences, "_GATHERED", 10)
    rare = [article(n, f"редкое{n} слово{n} здесь{n}") for n in range(700)]
    often = [article(1000 + n, "точка роста") for n in range(700)]
    assert found(tmp_path, analyzer, [*often[:600], *rare, *often[600:]]) == {"точка роста": 700}


def test_an_archive_without_articles_has_none(tmp_path: Path, analyzer: Analyzer) -> None:
    assert found(tmp_path, analyzer, []) == {}
    (tmp_path / "other").mkdir()
    assert found(tmp_path / "other", analyzer, [article(1, "слово")]) == {}


words = st.sampled_from(["школа", "урок", "в", "и", "5", "класс", "онлайн-урок", ",", "."])
texts = st.lists(words, max_size=9).map(" ".join)


@given(st.lists(texts, max_size=7))
@settings(deadline=None, max_examples=60)
def test_sequences_are_counted_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer, bodies: list[str]
) -> None:
    counted: Counter[str] = Counter()
    for body in bodies:
        grams = set()
        for run in re.split(r" ?[.,] ?", body):
            run_words = run.split()
            for size in range(2, LONGEST + 1):
                grams |= {tuple(run_words[at : at + size]) for at in range(len(run_words) - size + 1)}
        counted.update(" ".join(gram) for gram in grams if _is_offered(gram))
    for form in [form for form, texts in counted.items() if _telling(form) > 2 and texts < LEAST_LONGER]:
        del counted[form]
    expected = {
        form: texts
        for form, texts in counted.items()
        if not any(
            counted[longer] >= max(MOSTLY * texts, LEAST_LONGER)
            for longer in counted
            if longer.rpartition(" ")[0] == form
        )
    }
    folder = tmp_path_factory.mktemp("store")
    assert found(folder, analyzer, [article(n, body) for n, body in enumerate(bodies)]) == expected


def _telling(form: str) -> int:
    return sum(word not in STOP_WORDS for word in form.split())


def _is_offered(gram: tuple[str, ...]) -> bool:
    first, *_, last = gram
    inner = not any(word.isdigit() for word in gram[1:])
    return inner and last not in STOP_WORDS and (first not in STOP_WORDS or len(gram) == 2)


# --- what is offered --------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path: Path, analyzer: Analyzer) -> Iterator[tuple[Bed, SearchService]]:
    """Three articles with a pair of words that nothing else has, and one that has the two apart."""
    bed = Bed.open(tmp_path, analyzer)
    with bed.archive.batch():
        for number in range(3):
            bed.archive.put(article(number, f"межгалактический чемпионат, {number}"))
        bed.archive.put(article(9, "чемпионат и межгалактический"))
    bed.rebuild()
    live = LiveIndex(bed.generations)
    yield bed, SearchService(live, analyzer)
    live.close()


def phrases(service: SearchService, typed: str) -> list[str]:
    return [one.text for one in service.suggest(typed, 8) if one.kind == "phrase"]


def test_a_sequence_is_offered_as_long_as_an_article_has_it(three: tuple[Bed, SearchService]) -> None:
    bed, service = three
    older = service.pinned()
    assert phrases(older, "межгалактический че") == ["межгалактический чемпионат"]
    bed.remove(0, 1)
    bed.sync()
    assert phrases(service, "межгалактический че") == ["межгалактический чемпионат"]
    bed.remove(2)
    bed.sync()
    assert phrases(service, "межгалактический че") == []
    assert phrases(older, "межгалактический че") == ["межгалактический чемпионат"]


def test_nothing_of_a_purged_article_is_left(three: tuple[Bed, SearchService]) -> None:
    bed, _ = three
    for number in (9, 0, 1, 2):
        bed.purge(draft(number).id)
    assert files_with(bed.index, "межгалактич") == []


def test_sequences_are_counted_anew_once_a_tenth_is_new(tmp_path: Path, analyzer: Analyzer) -> None:
    store = Store.create(tmp_path / "store.db")

    def add(numbers: Iterable[int], *, always: bool = False) -> None:
        with store.writing() as writer:
            for number in numbers:
                writer.add(document(article(number, "точка роста"), analyzer), 1)
            writer.file_phrases(always=always)

    def texts() -> list[int]:
        return [entry.documents for entry in store.phrases().sequences.beginning("точка")]

    add(range(3), always=True)
    add(range(3, UNFILED_LEAST))
    assert texts() == [3]
    add(range(900, 903))
    assert texts() == [UNFILED_LEAST + 3]
    store.close()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("повышением к", "повышением квалификации"),
        ("сельских ш", "сельских школ"),
        ("сельских школ и", "сельских школ института"),
        ("в ш", "в школе"),
        ("педагоги на к", "педагоги на курсах"),
        ("премьер-министр с", "премьер-министр сообщил"),
        ("ЕГЭ по м", "ЕГЭ по математике"),
        ("единый г", "единый государственный экзамен"),
    ],
)
def test_beginnings_go_on_in_the_form_that_suits(
    tmp_path: Path, analyzer: Analyzer, typed: str, offered: str
) -> None:
    bodies = [
        "Повышение квалификации прошло",
        "Приехали в сельскую школу. Сельские школы ждут учителей",
        "Директора сельских школ института развития образования",
        "Что нового в школе. Педагог на курсах",
        "Премьер-министр сообщил",
        "Сдали ЕГЭ по математике",
    ]
    bed = Bed.open(tmp_path, analyzer)
    with bed.archive.batch():
        for number, body in enumerate(bodies):
            bed.archive.put(article(number, body))
    bed.rebuild()
    live = LiveIndex(bed.generations, synonyms=SynonymBook(analyzer))
    assert offered in [one.text for one in SearchService(live, analyzer).suggest(typed, 8)]
    live.close()

"""Development sets are made of the sample as of any texts; parts of the second stage can be weighed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from bench import quality
from bench.inquiry import Inquirer, sentences, words_of
from bench.lemmas import BestReading, recall
from bench.parts import PARTS, measure, weighed
from bench.sets import (
    Asked,
    Text,
    build,
    damaged,
    inner,
    main,
    read_written,
    titles,
    without_sentence,
    write_search,
    write_similar,
    written,
)

from indexer.evaluate import evaluate_search
from indexer.evaluate_similar import read_pairs
from searchsvc import ranking
from searchsvc.analysis import Analyzer
from searchsvc.evaluation import read_judged, read_rows
from searchsvc.ranking import PARTS_OF_SCORE

SEARCHED = ("sample", "inner", "damaged", "made-sentences", "made-paragraphs", "sentence")
PAIRED = ("halves", "alternate", "topics")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sets of the sample."""
    folder = tmp_path_factory.mktemp("sets")
    main([str(folder)])
    return folder


@pytest.mark.parametrize("name", SEARCHED)
def test_every_query_has_an_answer_in_the_corpus(made: Path, name: str) -> None:
    judged = read_judged(made / name)
    documents = {row["_id"] for row in read_rows(made / name / "corpus.jsonl", "text")}
    assert len(judged.queries) > 60
    assert {found for query in judged.queries for found in judged.grades[query.id]} <= documents


@pytest.mark.parametrize("name", PAIRED)
def test_every_pair_is_of_texts_that_are_there(made: Path, name: str) -> None:
    pairs = read_pairs(made / name)
    documents = {row["_id"] for row in read_rows(made / name / "docs.jsonl", "text")}
    assert {one for pair in pairs for one in (pair.one, pair.other)} == documents
    assert sum(pair.same for pair in pairs) > 60


def test_the_sets_are_the_same_each_time(made: Path, tmp_path: Path) -> None:
    build(tmp_path)
    files = sorted(path.relative_to(made) for path in made.rglob("*.*"))
    assert len(files) == 3 * len(SEARCHED) + 2 * len(PAIRED) + 2  # a README, questions
    assert all((made / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)


TEXT = (
    "В Озерцах открыли школьный музей. Его собирали пять лет. "
    "Краеведы Озерцов передали музею старинные учебники, тетради и школьные дневники. "
    "Директор музея пригласил учеников соседних школ на экскурсию 12 мая 2024 года. "
    "Первыми новые залы увидели второклассники."
)


def test_what_is_asked_about_is_taken_out_of_the_text() -> None:
    texts = [Text("one", TEXT), Text("two", "Коротко. Ясно.")]
    corpus, asked = damaged(texts, Inquirer(random.Random(1)))
    assert [one.id for one in asked] == ["one"]
    assert corpus[1] == texts[1]
    assert len(sentences(corpus[0].text)) == len(sentences(TEXT)) - 1
    (gone,) = set(sentences(TEXT)) - set(sentences(corpus[0].text))
    assert 0 < len(asked[0].text.split()) <= len(words_of(gone))
    corpus, asked = without_sentence([Text("one", TEXT)], Inquirer(random.Random(1)))
    assert asked[0].text in TEXT
    assert asked[0].text not in corpus[0].text


def test_words_are_of_a_sentence_that_is_not_among_the_first_two() -> None:
    inquirer, analyzer = Inquirer(random.Random(1)), Analyzer()
    late = {lemma for word in words_of(TEXT.partition("пять лет. ")[2]) for lemma in analyzer.lemmas(word)}
    for _ in range(20):
        _, (asked,) = inner([Text("one", TEXT)], inquirer)
        assert 2 <= len(asked.text.split()) <= 4
        assert all(late & set(analyzer.lemmas(word)) for word in asked.text.split()), asked.text


def test_a_question_asks_for_what_it_leaves_out() -> None:
    sentence = "Директор Озерецкого музея пригласил учеников соседних школ на экскурсию 12 мая 2024 года."
    inquirer = Inquirer(random.Random(1))
    asked = [question for _ in range(60) if (question := inquirer.question(sentence))]
    assert {question.split()[0] for question in asked} >= {"Когда", "Кто", "Где", "Что", "Почему"}
    assert all(question.endswith("?") and len(question.split()) >= 3 for question in asked)
    assert not any(
        "12 мая" in question or "2024 года" in question for question in asked if "Когда" in question
    )
    assert inquirer.question("да и нет") is None


def test_titles_find_their_texts_and_those_of_one_story(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("a\tb\tsame\none\ttwo\t1\none\tthree\t0\n", encoding="utf-8")
    texts = [Text(name, f"Текст {name}.", f"Заголовок {name}") for name in ("one", "two", "three")]
    corpus, asked = titles(texts, tmp_path / "pairs.tsv")
    assert not any(text.title for text in corpus)
    assert [one.grades for one in asked] == [{"one": 2, "two": 1}, {"two": 2, "one": 1}, {"three": 2}]


def test_questions_written_by_hand_name_a_sentence_each() -> None:
    rows = read_written()
    whens = [when for when, _, _ in rows]
    assert (whens.count("old"), whens.count("fresh"), len(whens)) == (198, 127, 325)
    assert len({question for _, _, question in rows}) == 325
    every = [Text(sentence, f"Предложение {sentence}.") for _, sentence, _ in rows]
    first = next(one for one in every if one.id[0].isdigit())
    near = Text(f"{first.id.rpartition('-')[0]}-0", f"Начало. {first.text} Конец.")
    found = written(every, [near])
    assert len(found["own-sentences"][1]) == 325
    assert {grade for one in found["own-paragraphs"][1] for grade in one.grades} == {near.id}
    with pytest.raises(ValueError, match=every[0].id):
        written(every[1:], [near])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in which nothing but kin tells the right article from one that says as much."""
    folder = tmp_path_factory.mktemp("small")
    texts = [
        Text("lunch", "Обед в столовой подорожал, родители недовольны ценами."),
        Text("school", "Обед в столовой подорожал, школьные повара недовольны ценами."),
        *(Text(f"other-{number}", f"Выставка номер {number} открыта в музее.") for number in range(8)),
    ]
    queries = [
        Asked("q1", "обед школьников", {"school": 1}, "kin"),
        Asked("q2", "обед", {"lunch": 1}, "plain"),
    ]
    write_search(folder, texts, queries)
    for name in quality.KNOWN_ITEM[1:]:
        (folder / name).write_bytes((folder / "queries.jsonl").read_bytes())
    return folder


def table_of(text: str) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in text.splitlines())}


def test_a_part_is_weighed_for_the_whole_search_and_only_for_a_while(small: Path) -> None:
    assert {*PARTS} - {"short"} == {*PARTS_OF_SCORE} - {"words"}
    before = {name: getattr(ranking, name) for names in PARTS.values() for name in names}
    told = table_of(measure([(small, None)], ["kin"], [0.0], kinds=True))
    assert told["queries"] == ["1", "1"]
    ours = {kind: figures["ndcg@10"] for kind, figures in evaluate_search(small)["by_kind"].items()}
    assert told["all parts"] == [f"{ours[kind]:.4f}".removeprefix("0") for kind in ("kin", "plain")]
    assert float(told["engine alone"][0]) < ours["kin"]
    with weighed(PARTS["kin"], 0):
        without = evaluate_search(small)["by_kind"]["kin"]["ndcg@10"]
    assert float(told["without kin"][0]) == pytest.approx(1000 * (without - ours["kin"]), abs=0.11)
    assert without < ours["kin"]
    assert told["without kin"][1] == "0"
    assert before == {name: getattr(ranking, name) for name in before}


def test_gains_are_counted_from_another_weight_where_asked(small: Path) -> None:
    told = table_of(measure([(small, None)], ["kin"], [0.0, 1.0], base=0.0))
    assert float(told["kin × 0"][0]) < float(told["all parts"][0])
    assert float(told["kin × 1"][0]) == pytest.approx(
        1000 * (float(told["all parts"][0]) - float(told["kin × 0"][0])), abs=0.2
    )


def test_tables_hold_the_figures_of_evaluate(small: Path) -> None:
    told = table_of("\n".join(quality.known_item(small, small / "queries.jsonl")))
    figures = evaluate_search(small, compare=True)
    assert told["queries.jsonl"][:2] == ["2", f"{figures['ndcg@10']:.4f}".removeprefix("0")]
    assert told["kin"][1] == f"{figures['by_kind']['kin']['ndcg@10']:.4f}".removeprefix("0")
    texts = [Text(name, f"{TEXT} {name}") for name in ("one", "two")]
    write_similar(small / "halves", texts, [("one", "two", 1)])
    told = table_of("\n".join(quality.similar([small / "halves"])))
    assert told["halves"] == ["ours", "1.0000", "1.0000"]


def test_recall_of_lemmas_leaves_numbers_and_marks_out(tmp_path: Path) -> None:
    path = tmp_path / "lemmas.tsv"
    rows = ["sent_id\tform\tlemma\tupos", "s\tбелка\tбелка\tNOUN", "s\tшколы\tшкола\tNOUN", "s\t.\t.\tPUNCT"]
    path.write_text("\n".join(rows), encoding="utf-8")
    assert recall(path, Analyzer()) == (1.0, 1.5)
    assert recall(path, BestReading()) == (0.5, 1.0)

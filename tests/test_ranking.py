"""The second stage: what makes one article come before another, each piece of evidence alone.

Records are written as lines of lemmas: «форма=лемма+лемма», a full stop ends a sentence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import log

import numpy as np
import pytest
from beds.records import evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article, Paragraph
from searchsvc.language.analysis import Analyzer
from searchsvc.query.planning import Word, plan
from searchsvc.query.syntax import parse
from searchsvc.ranking import DISTANT_KIN, NAME, NEAR_KIN, STOP_WORD, WINDOW_WORDS, Statistics, rank
from searchsvc.store.document import (
    BEGINNING,
    GAP,
    PARTS,
    RECORD,
    Record,
    family_hash,
    make_document,
    term_hash,
)

RARE, COMMON = 3, 80
DOCUMENTS = 100


def record(*, title: str = "", lead: str = "", body: str = "", tags: str = "") -> Record:
    rows = []
    position = sentence = 0
    for part, text in (("title", title), ("lead", lead), ("body", body), ("tags", tags)):
        for piece in text.split():
            if piece == ".":
                sentence += 1
                continue
            form, _, lemmas = piece.partition("=")
            place = (term_hash(form), position, sentence, PARTS.index(part), len(form), 0)
            rows += [(term_hash(lemma), family_hash(lemma), *place) for lemma in (lemmas or form).split("+")]
            position += 1
        position += GAP
        sentence += 1
    return np.array(rows, RECORD)


def words(*texts: str) -> list[Word]:
    """Return words of one lemma, or «форма=лемма+лемма»: weak ones in brackets, names with a capital."""
    found = []
    for text in texts:
        form, _, lemmas = text.strip("()").partition("=")
        known = (lemmas or form).split("+")
        hashes, families = frozenset(map(term_hash, known)), frozenset(map(family_hash, known))
        kind = {"weak": text.startswith("("), "name": form[0].isupper()}
        found.append(Word(form, hashes, families, term_hash(form), **kind))
    return found


def statistics(*counts: int, average: float = 50.0) -> Statistics:
    return Statistics(DOCUMENTS, average, counts)


def scores(looked_for: list[Word], *records: Record, counts: tuple[int, ...] = ()) -> list[float]:
    known = statistics(*(counts or (RARE,) * len(looked_for)))
    return [float(score) for score in rank(looked_for, evidence(*records), known)]


def idf(count: int) -> float:
    return log(1 + (DOCUMENTS - count + 0.5) / (count + 0.5))


def filler(number: int) -> str:
    return " ".join(f"слово{place}" for place in range(number))


# --- one piece of evidence at a time ----------------------------------------------------------


def test_a_word_in_the_title_beats_one_in_the_body() -> None:
    about, mentions = scores(
        words("музей"),
        record(title="музей открыться", body=f"школа {filler(20)}"),
        record(title="школа открыться", body=f"музей {filler(20)}"),
    )
    assert about > mentions


def test_the_title_counts_beyond_its_weight() -> None:
    about, often = scores(
        words("музей"),
        record(title="музей", body=filler(9)),
        record(body=f"музей музей музей {filler(7)}"),  # the weight of one in the title
    )
    assert about > often


def test_lead_and_tags_weigh_more_than_the_body() -> None:
    lead, tags, body = scores(
        words("музей"),
        record(lead=f"музей {filler(5)}", body=filler(60)),
        record(lead=filler(6), body=filler(59), tags="музей"),
        record(lead=filler(6), body=f"{filler(50)} музей {filler(8)}"),
    )
    assert lead > tags > body


def test_words_near_one_another_beat_words_far_apart() -> None:
    near, far = scores(
        words("музей", "школа"),
        record(body=f"музей школа {filler(WINDOW_WORDS)}"),
        record(body=f"музей {filler(WINDOW_WORDS)} школа"),
    )
    assert near > far


def test_a_window_ends_before_its_width() -> None:
    last, beyond = scores(
        words("музей", "школа"),
        record(body=f"музей {filler(WINDOW_WORDS - 2)} школа {filler(1)}"),
        record(body=f"музей {filler(WINDOW_WORDS - 1)} школа"),
    )
    assert last > beyond


def test_no_window_crosses_from_title_to_body() -> None:
    together, parted = scores(
        words("музей", "школа"),
        record(title="музей школа", body=filler(1)),
        record(title="музей", body=f"школа {filler(1)}"),
    )
    assert together > parted


def test_words_in_one_sentence_beat_words_in_two() -> None:
    one, two = scores(
        words("музей", "школа"),
        record(body=f"музей {filler(3)} школа . {filler(5)}"),
        record(body=f"музей {filler(3)} . школа {filler(5)}"),
    )
    assert one > two


def test_a_word_at_the_beginning_beats_one_further_down() -> None:
    early, late = scores(
        words("музей"),
        record(body=f"{filler(BEGINNING - 1)} музей {filler(10)}"),
        record(body=f"{filler(BEGINNING)} музей {filler(9)}"),
    )
    assert early > late


def test_the_very_form_beats_another_form_of_the_word() -> None:
    same, other = scores(
        words("музея=музей"), record(body=f"музея=музей {filler(9)}"), record(body=f"музеи=музей {filler(9)}")
    )
    assert same > other


def test_the_very_form_counts_wherever_it_stands() -> None:
    mixed, other = scores(
        words("музея=музей"),
        record(body="музеи=музей музея=музей"),
        record(body="музеи=музей музеи=музей"),
    )
    assert mixed > other


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    rare, common = scores(
        words("рысь", "школа"),
        record(body=f"рысь {filler(9)}"),
        record(body=f"школа {filler(9)}"),
        counts=(RARE, COMMON),
    )
    assert rare > common


def test_all_words_beat_one_word_said_often() -> None:
    both, often = scores(
        words("музей", "школа"),
        record(body=f"музей школа {filler(18)}"),
        record(body=f"{'музей ' * 10}{filler(10)}"),
    )
    assert both > often


def test_a_word_said_more_often_tells_more_and_each_time_less() -> None:
    found = scores(words("музей"), *(record(body=f"{'музей ' * n}{filler(30 - n)}") for n in (1, 2, 3, 4)))
    gains = np.diff(found)
    assert (gains > 0).all()
    assert (np.diff(gains) < 0).all()


def test_a_short_article_beats_a_long_one_with_the_same_words() -> None:
    short, long = scores(
        words("музей"), record(body=f"музей {filler(20)}"), record(body=f"музей {filler(300)}")
    )
    assert short > long


def test_length_tells_less_of_sentences_than_of_articles() -> None:
    def gap(size: int) -> float:
        """How much better a text is than one of twice its length, both with the word once."""
        known = statistics(RARE, average=1.5 * size)
        texts = [record(body=f"{filler(40)} музей {filler(length - 41)}") for length in (size, 2 * size)]
        found = evidence(*texts)
        found = replace(found, lengths=np.array([size, 2 * size]))
        short, long = rank(words("музей"), found, known)
        return float(short - long)

    assert 0 < gap(10) < 0.6 * gap(300)


def test_a_stop_word_tells_as_much_as_it_is_rare_and_not_how_often() -> None:
    looked_for = words("музей", "(после)")
    texts = [record(body=f"музей {rest}") for rest in ("после после после", "после а а", "последний а а")]
    for count in (RARE, COMMON):
        often, once, never = scores(looked_for, *texts, counts=(RARE, count))
        assert often == once
        assert once - never == pytest.approx(STOP_WORD * idf(count))  # a kin of it is nothing
    assert scores(words("(и)"), record(body="и")) == [0.0]


def test_a_name_tells_more_than_another_word_as_rare() -> None:
    named, other = scores(
        words("Воронеж=воронеж", "открыть"),
        record(body=f"Воронеж=воронеж {filler(9)}"),
        record(body=f"открыть {filler(9)}"),
    )
    assert named - other == pytest.approx(NAME * idf(RARE))


def test_a_homonym_is_one_occurrence_however_many_lemmas_it_has() -> None:
    looked_for = words("банки=банк+банка")
    both, one = scores(
        looked_for,
        record(body=f"банки=банк+банка {filler(9)}"),
        record(body=f"банки=банк слово=слово {filler(9)}"),  # as many rows
    )
    assert both == pytest.approx(one)


# --- freshness --------------------------------------------------------------------------------


def test_freshness_parts_equals() -> None:
    text = record(title="день учитель", body=filler(20))
    days = [date(2016, 10, 5), date(2023, 10, 5), date(2020, 10, 5)]
    found = rank(words("день", "учитель"), evidence(text, text, text, days=days), statistics(RARE, RARE))
    assert np.argsort(-found).tolist() == [1, 2, 0]


def test_an_article_without_a_date_is_as_the_oldest() -> None:
    text = record(body="музей")
    days = [None, date(1999, 1, 1), date(2001, 1, 1)]
    undated, old, fresh = rank(words("музей"), evidence(text, text, text, days=days), statistics(RARE))
    assert undated == old < fresh


def test_ten_years_of_freshness_outweigh_no_evidence_of_a_telling_word() -> None:
    old_days = [date(2014, 9, 1), date(2024, 9, 1)]
    pairs = [
        (record(title="музей", body=filler(9)), record(body=f"музей {filler(9)}")),
        (record(body=f"музея=музей {filler(9)}"), record(body=f"музеи=музей {filler(9)}")),
        (record(body=f"музея=музей {filler(50)}"), record(body=f"{filler(50)} музея=музей")),
    ]
    for better, worse in pairs:
        old, fresh = rank(words("музея=музей"), evidence(better, worse, days=old_days), statistics(RARE))
        assert old > fresh


# --- the batch --------------------------------------------------------------------------------


def test_kin_of_a_missing_word_counts_a_little_and_only_where_the_word_is_missing() -> None:
    looked_for = words("школьник", "музей")
    word = record(body=f"школьник {filler(20)}")
    near = record(body=f"школьный {filler(20)}")
    distant = record(body=f"школа {filler(20)}")
    nearest = record(body=f"школа школьный школа {filler(18)}")
    both = record(body=f"школьник школьный {filler(19)}")
    nothing = record(body=filler(21))
    full, closer, further, nearer, same, none = scores(
        looked_for, word, near, distant, nearest, both, nothing
    )
    assert full > closer > further > none == 0
    assert same == pytest.approx(full)
    assert closer == nearer == pytest.approx(NEAR_KIN * idf(RARE))
    assert further == pytest.approx(DISTANT_KIN * idf(RARE))


@pytest.mark.parametrize(
    ("word", "other"),
    [("год", "годовой"), ("год", "гол"), ("2022", "2023"), ("273-фз", "273-фзи"), ("урок", "урод")],
)
def test_short_words_numbers_and_words_that_only_begin_alike_have_no_kin(word: str, other: str) -> None:
    assert scores(words(word), record(body=other)) == [0.0]


def test_a_word_is_kin_from_either_side() -> None:
    for one, other in (("школа", "школьник"), ("спорт", "спортивный"), ("сирия", "сирийский")):
        there, back = scores(words(one), record(body=other)), scores(words(other), record(body=one))
        assert there == back != [0.0]


NOTHING = np.empty(0, RECORD)


def test_an_empty_batch_has_no_scores() -> None:
    assert len(rank(words("музей"), evidence(), statistics(RARE))) == 0
    assert len(rank([], evidence(), statistics())) == 0


def test_purged_articles_score_nothing_and_disturb_no_other() -> None:
    there = record(title="музей", body="школа")
    alone = scores(words("музей", "школа"), there)
    assert scores(words("музей", "школа"), NOTHING, there, NOTHING, NOTHING, there, NOTHING) == [
        0.0, *alone, 0.0, 0.0, *alone, 0.0,
    ]  # fmt: skip
    assert scores(words("музей"), NOTHING, NOTHING) == [0.0, 0.0]


def test_articles_without_the_words_score_nothing() -> None:
    assert scores(words("музей"), record(body="школа"), record(title="класс")) == [0.0, 0.0]


def test_a_word_that_no_article_has_or_every_one_changes_no_order() -> None:
    near, far = record(title="музей школа"), record(body="музей")
    for counts in ((0, 0), (DOCUMENTS, DOCUMENTS), (DOCUMENTS, 0)):
        better, worse = scores(words("музей", "школа"), near, far, counts=counts)
        assert better > worse > 0


LEMMAS = ("музей", "школа", "класс", "и", "банки=банк+банка", ".")
bodies = st.lists(st.sampled_from(LEMMAS), max_size=30).map(" ".join)
records = st.builds(
    lambda title, lead, body: record(title=title, lead=lead, body=body), bodies, bodies, bodies
)
dates = st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1))


@given(st.lists(st.tuples(records, dates), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_the_score_of_an_article_does_not_depend_on_the_other_candidates(
    articles: list[tuple[Record, date | None]], data: st.DataObject
) -> None:
    looked_for = words("музей", "школы=школа", "банки=банк+банка", "(и)")
    known = statistics(RARE, 40, COMMON, 99)

    def ranked(chosen: list[tuple[Record, date | None]]) -> list[float]:
        days = [day for _, day in chosen]
        return [
            float(score)
            for score in rank(looked_for, evidence(*(one for one, _ in chosen), days=days), known)
        ]

    together = ranked(articles)
    assert all(np.isfinite(together))
    assert all(score >= 0 for score in together)
    order = data.draw(st.permutations(range(len(articles))))
    assert ranked([articles[place] for place in order]) == pytest.approx([together[place] for place in order])
    assert [ranked([article])[0] for article in articles] == pytest.approx(together)


def test_records_of_real_articles_are_ranked_as_hand_made_ones(analyzer: Analyzer) -> None:
    texts = {
        "title": Article("1", "s", "u", "Школьные музеи", body=(Paragraph("Собрали коллекцию."),)),
        "near": Article("2", "s", "u", "Новости", body=(Paragraph("В школьном музее собрали коллекцию."),)),
        "far": Article(
            "3",
            "s",
            "u",
            "Новости",
            body=(Paragraph("Школьный класс. " + "Урок. " * 17), Paragraph("О музее.")),
        ),
        "none": Article("4", "s", "u", "Новости", body=(Paragraph("Собрали коллекцию."),)),
    }
    made = [make_document(article, 1, analyzer).record for article in texts.values()]
    looked_for = plan(parse("школьный музей"), analyzer).words
    found = rank(looked_for, evidence(*made), statistics(RARE, RARE))
    assert [list(texts)[place] for place in np.argsort(-found)] == ["title", "near", "far", "none"]
    assert found[3] == 0

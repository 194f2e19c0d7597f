"""The labelled sentences hold what their README says: names where they stand, traps, every kind."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


def load(name: str) -> list[Any]:
    """Read a set of labelled sentences."""
    text = (Path(__file__).parent / "names" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


SENTENCES, DRAWN = load("sentences"), load("drawn")


def test_every_name_stands_in_its_sentence_in_the_order_given() -> None:
    for sentence in SENTENCES + DRAWN:
        stop = 0
        for name in sentence["names"]:
            start = sentence["text"].find(name["text"], stop)
            assert start >= stop, (sentence["text"], name["text"])
            stop = start + len(name["text"])


def test_names_are_complete_words_with_a_normal_form_of_as_many_words() -> None:
    for sentence in SENTENCES + DRAWN:
        for name in sentence["names"]:
            before, _, after = sentence["text"].partition(name["text"])
            assert not before[-1:].isalnum(), name["text"]
            assert not after[:1].isalnum(), name["text"]
            assert len(name["normal"].split()) == len(name["text"].split()), name["text"]
            assert name["normal"][0].lower() == name["text"][0].lower()


def test_sentences_are_many_different_and_some_hold_no_name() -> None:
    assert len(SENTENCES) >= 100
    assert len({sentence["text"] for sentence in SENTENCES + DRAWN}) == len(SENTENCES + DRAWN)
    assert sum(not sentence["names"] for sentence in SENTENCES) >= 20


def test_every_kind_is_there_and_half_of_the_names_are_declined() -> None:
    names = [name for sentence in SENTENCES for name in sentence["names"]]
    kinds = Counter(name["kind"] for name in names)
    assert set(kinds) == {"person", "organisation", "place"}
    assert min(kinds.values()) >= 30
    declined = sum(name["text"].casefold() != name["normal"].casefold() for name in names)
    assert declined >= len(names) * 0.45

"""Vectors in mapped files: the nearest sentence is found; what is taken back or destroyed is gone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.errors import IndexDamagedError
from searchsvc.store.vectors import GATHERED, HIGHEST, PLACE, ROW, WIDTH, Vectors, VectorWriter

Floats = npt.NDArray[np.float32]


def vector(sentence: str) -> Floats:
    """Return a direction that depends on nothing but the sentence."""
    made = np.random.default_rng(zlib.crc32(sentence.encode())).normal(size=WIDTH)
    return (made / np.linalg.norm(made)).astype(np.float32)


def encode(sentences: Sequence[str]) -> Floats:
    return np.array([vector(sentence) for sentence in sentences], np.float32).reshape(-1, WIDTH)


def written(folder: Path, documents: dict[int, list[str]], *, last: int = 0) -> Vectors:
    if not (folder / "vectors.rows").exists():
        Vectors.create(folder)
    return appended(folder, documents, last=last)


def appended(folder: Path, documents: dict[int, list[str]], *, last: int) -> Vectors:
    with closing(VectorWriter(folder, last, encode)) as writer:
        for key, sentences in documents.items():
            writer.append(key, sentences)
        writer.finish()
    return Vectors(folder)


def rows(folder: Path) -> npt.NDArray[np.int8]:
    return np.fromfile(folder / "vectors.rows", np.int8).reshape(-1, WIDTH)


@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6), asked=st.lists(st.integers(0, 5), max_size=9)
)
@settings(deadline=None, max_examples=40)
def test_nearness_is_the_cosine_of_the_nearest_sentence(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], asked: list[int]
) -> None:
    documents = {key: [f"{key} {number}" for number in range(size)] for key, size in enumerate(sizes, 1)}
    read = written(tmp_path_factory.mktemp("vectors"), documents)
    keys = [1 + number % len(sizes) for number in asked]
    query = vector("1 0")
    found = read.nearness(keys, query)
    wanted = [max((float(query @ vector(each)) for each in documents[key]), default=0.0) for key in keys]
    assert found.shape == (len(keys),)
    assert np.allclose(found, wanted, atol=0.003)


def test_a_byte_a_number_keeps_the_order_of_what_a_reader_could_tell_apart(tmp_path: Path) -> None:
    query = vector("запрос")
    share = np.linspace(0, 1, 50)[:, None]
    mixed = share * query + (1 - share) * encode([f"шум {number}" for number in range(50)])
    exact = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    Vectors.create(tmp_path)
    with closing(VectorWriter(tmp_path, 0, lambda numbers: exact[[int(each) for each in numbers]])) as writer:
        for key in range(50):
            writer.append(key, [str(key)])
        writer.finish()
    found = Vectors(tmp_path).nearness(range(50), query)
    assert np.abs(found - exact @ query).max() < 0.003


def test_a_number_beyond_the_highest_is_cut(tmp_path: Path) -> None:
    peak = np.zeros((1, WIDTH), np.float32)
    peak[0, 0], peak[0, 1] = 3 * HIGHEST, -3 * HIGHEST
    Vectors.create(tmp_path)
    with closing(VectorWriter(tmp_path, 0, lambda _: peak)) as writer:
        writer.append(1, ["пик"])
        writer.finish()
    assert rows(tmp_path)[0, :3].tolist() == [127, -127, 0]


def test_many_documents_come_back_in_their_order(tmp_path: Path) -> None:
    documents = {key: [f"{key} {number}" for number in range(3)] for key in range(1, GATHERED)}
    read = written(tmp_path, documents)
    for key in (1, GATHERED // 3, GATHERED // 3 + 1, 2 * GATHERED // 3 + 1, GATHERED - 1):
        assert read.nearness([key], vector(f"{key} 2"))[0] == pytest.approx(1, abs=0.01)
    assert len(rows(tmp_path)) == 3 * len(documents)


def test_an_encoder_that_fails_fails_the_writer_and_leaves_what_was_there(tmp_path: Path) -> None:
    read = written(tmp_path, {1: ["раз"]})

    def broken(sentences: Sequence[str]) -> Floats:
        raise ValueError("сломан")

    with closing(VectorWriter(tmp_path, 1, broken)) as writer:
        writer.append(2, ["два"])
        with pytest.raises(ValueError, match="сломан"):
            writer.finish()
    with closing(VectorWriter(tmp_path, 1, broken)) as writer:
        writer.append(2, ["много"] * GATHERED)
        with pytest.raises(ValueError, match="сломан"):
            writer.finish()
    assert read.nearness([1], vector("раз"))[0] == pytest.approx(1, abs=0.01)
    assert len(rows(tmp_path)) == 1


def test_a_reader_sees_what_is_appended_after_it_was_opened(tmp_path: Path) -> None:
    read = written(tmp_path, {1: ["раз"]})
    assert read.nearness([1], vector("раз"))[0] > 0.9
    written(tmp_path, {2: ["два"], 3: []}, last=1)
    assert (read.nearness([1, 2, 3], vector("два")) > 0.9).tolist() == [False, True, False]


def test_what_was_never_finished_is_written_over(tmp_path: Path) -> None:
    read = written(tmp_path, {1: ["раз"]})
    written(tmp_path, {2: [f"тайна {number}" for number in range(40)]}, last=1)  # no commit followed
    lost = rows(tmp_path)[1:].tobytes()
    written(tmp_path, {2: ["два"]}, last=1)
    left = (tmp_path / "vectors.rows").read_bytes()
    assert all(lost[at : at + WIDTH] not in left for at in range(0, len(lost), WIDTH))
    assert (read.nearness([1, 2], vector("два")) > 0.9).tolist() == [False, True]


def test_a_wiped_document_is_gone_from_the_files_and_the_others_stay(tmp_path: Path) -> None:
    read = written(tmp_path, {1: ["раз"], 2: ["тайна", "тайное"], 3: ["три"]})
    secret = rows(tmp_path)[1].tobytes()
    assert secret in (tmp_path / "vectors.rows").read_bytes()
    with closing(VectorWriter(tmp_path, 3, encode)) as writer:
        writer.wipe([2, 2, 900])
        writer.finish()
    assert secret not in (tmp_path / "vectors.rows").read_bytes()
    assert not np.fromfile(tmp_path / "vectors.places", PLACE)[2]["rows"]
    assert read.nearness([2], vector("тайна")).tolist() == [0]
    assert (read.nearness([1, 3], vector("три")) > 0.9).tolist() == [False, True]


@pytest.mark.parametrize("name", ["vectors.places", "vectors.rows"])
@pytest.mark.parametrize("damage", ["missing", "short", "empty"])
def test_a_file_that_is_not_whole_is_told(tmp_path: Path, name: str, damage: str) -> None:
    written(tmp_path, {1: ["раз"], 2: ["два"]})
    path = tmp_path / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-5] if damage == "short" else b"")
    with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
        Vectors(tmp_path).nearness([1, 2], vector("раз"))
    with pytest.raises(IndexDamagedError):
        Vectors(tmp_path).require(2)
    with pytest.raises(IndexDamagedError):
        appended(tmp_path, {3: ["три"]}, last=2)


def test_a_key_that_was_never_given_is_damage(tmp_path: Path) -> None:
    read = written(tmp_path, {1: ["раз"]})
    for key in (99, -1):
        with pytest.raises(IndexDamagedError):
            read.nearness([key], vector("раз"))


def test_nothing_asked_for_is_nothing_read(tmp_path: Path) -> None:
    assert Vectors(tmp_path / "nowhere").nearness([], vector("раз")).tolist() == []
    assert ROW.itemsize == WIDTH

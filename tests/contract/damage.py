"""What becomes of a folder that is no index, or no longer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from searchsvc.errors import IndexDamagedError

from .bed import Bed, plans, term, write
from .chance import LEMMAS, Chance

Spoilt = Iterable[bytes | None]


class Damage(Bed):
    """One error for all of it, with the command that mends it."""

    def test_a_folder_without_an_index_is_named_with_what_mends_it(self, folder: Path) -> None:
        for make in (lambda: None, folder.mkdir, lambda: (folder / "readme.txt").write_text("не индекс")):
            make()
            for use in (self.opened(folder).snapshot, self.opened(folder).writer):
                with pytest.raises(IndexDamagedError, match="searchsvc rebuild") as caught:
                    use()
                assert str(folder) in str(caught.value)

    def test_a_file_in_the_place_of_the_folder_is_damage(self, folder: Path) -> None:
        folder.write_text("не папка")
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
            self.opened(folder).snapshot()

    @pytest.mark.parametrize("share", [0, 0.02, 0.3, 0.6, 0.9, 0.99], ids=lambda share: f"to {share:.0%}")
    def test_a_file_cut_short_is_noticed(self, folder: Path, share: float) -> None:
        self._assert_noticed(folder, lambda whole: [whole[: int(len(whole) * share)]])

    def test_a_file_without_its_last_byte_is_noticed(self, folder: Path) -> None:
        self._assert_noticed(folder, lambda whole: [whole[:-1]])

    def test_a_missing_file_is_noticed(self, folder: Path) -> None:
        self._assert_noticed(folder, lambda whole: [None])

    def test_a_file_of_rubbish_is_noticed(self, folder: Path) -> None:
        chance = random.Random(10)
        self._assert_noticed(
            folder,
            lambda whole: [
                b"\0" * len(whole),
                "не индекс".encode() * 9,
                *(chance.randbytes(len(whole)) for _ in range(5)),
            ],
        )

    def test_rubbish_inside_a_file_is_never_another_error(self, folder: Path) -> None:
        chance = random.Random(11)

        def spoilt(whole: bytes) -> Spoilt:
            for _ in range(60 if whole else 0):
                at, rubbish = chance.randrange(len(whole)), chance.randbytes(chance.choice((1, 8, 40)))
                yield whole[:at] + rubbish + whole[at + len(rubbish) :]

        self._assert_noticed(folder, spoilt, always=False)

    def _assert_noticed(self, folder: Path, spoil: Callable[[bytes], Spoilt], *, always: bool = True) -> None:
        """Spoil each file in its turn: then there is the error, or the answers are as they were.

        Not *always* lets wrong answers pass: who wants no byte to change unseen needs checksums.
        """
        chance = Chance(random.Random(12))
        engine = self.made(folder)
        write(engine, [chance.entry(f"{number}", number) for number in range(150)])
        snapshot = write(engine, [chance.entry(f"{number}", 200 + number) for number in range(5)], "2")
        searches = [term(lemma) for lemma in LEMMAS] + plans(13, 20)
        wanted = [snapshot.search(plan) for plan in searches]
        errors: list[IndexDamagedError] = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole = path.read_bytes()
            for content in spoil(whole):
                _put(path, content)
                try:
                    fresh = self.opened(folder).snapshot()
                    found = [fresh.search(plan) for plan in searches]
                except IndexDamagedError as error:
                    errors.append(error)
                else:
                    assert found == wanted or not always, f"{path.name} was spoilt and nobody noticed"
            _put(path, whole)
        assert errors
        assert all("searchsvc rebuild" in str(error) for error in errors)
        assert [engine.snapshot().search(plan) for plan in searches] == wanted


def _put(path: Path, content: bytes | None) -> None:
    """Put *content* in the place of a file that somebody may have mapped."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)

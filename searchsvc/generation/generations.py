"""All index generations of a data folder: built beside the live one, published by one rename, kept for a way
back.

index/current.json            {"generation": "g000002", "previous": "g000001"}
index/g000002/                a generation (``searchsvc.generation.generation``)
index/g000003.building/       unfinished; the next rebuild removes it
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus.lease import lease
from searchsvc.errors import GenerationError, IndexDamagedError, NoIndexError
from searchsvc.generation.generation import Generation, write_atomically
from searchsvc.semantic import MODEL

_NAME = re.compile(r"g(\d{6})$")


@dataclass(frozen=True, slots=True)
class Pointer:
    """The published generation and the one before it, "" where there is none."""

    generation: str
    previous: str = ""


class Generations:
    """All generations of a data folder. If *semantic*, new ones get vectors, and those there are are used."""

    def __init__(self, folder: Path, *, semantic: bool = False) -> None:
        self.folder = folder
        self.semantic = semantic

    @property
    def pointer_path(self) -> Path:
        """The file that says which generation is published."""
        return self.folder / "current.json"

    def pointer(self) -> Pointer:
        """Return what is published.

        Raises:
            NoIndexError: nothing has been published yet.
            IndexDamagedError: the pointer cannot be read.
        """
        try:
            values = json.loads(self.pointer_path.read_text(encoding="utf-8"))
            return _pointer(values["generation"], values["previous"])
        except FileNotFoundError as error:
            raise NoIndexError(self.folder) from error
        except PermissionError as error:  # nothing is damaged, and a rebuild would not help
            raise GenerationError(
                f"«{self.pointer_path}»: нет прав на чтение. Проверьте права на папку данных."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexDamagedError(self.pointer_path, str(error)) from error

    def open(self, name: str) -> Generation:
        """Open a finished generation by name."""
        return Generation.open(self.folder / name, semantic=self.semantic)

    def current(self) -> Generation:
        """Open the published generation."""
        return self.open(self.pointer().generation)

    def building(self) -> AbstractContextManager[None]:
        """Hold the lease to build, publish or roll back."""
        return lease(self.folder / "rebuild.lock", "Построение индекса")

    def begin(self, *, engine: str, analysis: str, names: str = "") -> Generation:
        """Start a new generation, first removing what earlier builders left. Hold ``building``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clean()
        numbers = [int(match.group(1)) for path in self.folder.iterdir() if (match := _NAME.match(path.name))]
        name = f"g{max(numbers, default=0) + 1:06}"
        folder, vectors = self.folder / f"{name}.building", MODEL if self.semantic else ""
        return Generation.create(folder, engine=engine, analysis=analysis, names=names, vectors=vectors)

    def publish(self, built: Generation) -> Generation:
        """Make *built* the published generation in one rename and return it under its new name."""
        built.close()
        built.store.settle()
        _sync_folder(built.folder)
        target = self.folder / built.name
        if built.folder != target:
            built.folder.rename(target)
        try:
            previous = self.pointer().generation
        except GenerationError:
            previous = ""
        self._point(Pointer(target.name, previous))
        self.clean()
        return Generation.open(target, semantic=self.semantic)

    def point_back(self) -> None:
        """Publish the previous generation; the present one becomes the previous. Hold ``building``."""
        pointer = self.pointer()
        self._point(Pointer(pointer.previous, pointer.generation))

    def drop_previous(self) -> bool:
        """Delete the previous generation for good, and unfinished ones; False where there is none.

        Hold ``building``.
        """
        pointer = self.pointer()
        self._point(Pointer(pointer.generation, ""))
        self.clean()
        return bool(pointer.previous)

    def clean(self) -> None:
        """Delete unfinished generations and those older than the previous one. Hold ``building``."""
        folders = [path for path in self.folder.iterdir() if path.is_dir()]
        finished = {path.name for path in folders if _NAME.match(path.name)}
        try:
            pointer = self.pointer()
            finished -= {pointer.generation, pointer.previous}
        except NoIndexError:
            pass
        except IndexDamagedError:
            finished.clear()  # what the pointer named may be the only good one
        for path in folders:
            if path.suffix == ".building" or path.name in finished:
                shutil.rmtree(path, ignore_errors=True)

    def _point(self, pointer: Pointer) -> None:
        write_atomically(self.pointer_path, json.dumps(asdict(pointer)))


def _pointer(generation: str, previous: str) -> Pointer:
    if not _NAME.match(generation) or (previous != "" and not _NAME.match(previous)):
        raise ValueError("указатель не называет поколения")
    return Pointer(generation, previous)


def _sync_folder(folder: Path) -> None:
    """Bring every file of a finished generation to the disk before anything points at it."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

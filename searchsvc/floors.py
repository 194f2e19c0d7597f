"""Floors: what the figures of a judged set may not fall below.

A file keeps them with the hash of the set that they were measured on, and a seal over both: neither is
changed in passing. Floors rise with what is gained. They are lowered, or measured anew on another set, only
where that is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from searchsvc.errors import EvaluationError
from searchsvc.evaluation import Figures

SLACK = 0.005
"""What a floor lies below the figure: other versions of libraries round otherwise."""

LEAST = 7
"""Queries of a kind that has floors of its own: of fewer one weighs too much."""

_DIGITS = 4

Measured = Mapping[str, Mapping[str, float]]
"""Figures by what they are of ("all", a kind of query) and by measure."""


@dataclass(frozen=True, slots=True)
class Floors:
    """Floors of the set with the hash ``of_set``."""

    of_set: str
    floors: Measured

    @classmethod
    def read(cls, path: Path) -> Floors:
        """Read a file of floors.

        Raises:
            EvaluationError: it is none, or was changed by hand.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            found = cls(values["set"], values["floors"])
            sealed = found._seal() == values["seal"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvaluationError(f"«{path}» — не файл нижних границ: {error}") from error
        if not sealed:
            raise EvaluationError(
                f"Файл нижних границ «{path}» изменён вручную. Верните его прежним: опускает границы "
                "только --lower-floors"
            )
        return found

    def write(self, path: Path) -> None:
        """Write a file of floors."""
        values = {"set": self.of_set, "floors": self.floors, "seal": self._seal()}
        path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def fallen(self, measured: Measured) -> Iterator[str]:
        """Yield what is under its floor, or has a floor and was not measured."""
        for kind, floors in self.floors.items():
            for name, floor in floors.items():
                figure = measured.get(kind, {}).get(name)
                if figure is None or figure < floor:
                    yield f"{kind}, {name}: {'нет' if figure is None else round(figure, _DIGITS)} < {floor}"

    def moved(self, measured: Measured) -> Floors:
        """Return floors under what was measured, lower than here only where figures have fallen."""
        moved: dict[str, dict[str, float]] = {}
        for kind, floors in _under(measured).items():
            own = self.floors.get(kind, {})
            figures = measured[kind]
            moved[kind] = {
                name: max(floor, own[name]) if name in own and figures[name] >= own[name] else floor
                for name, floor in floors.items()
            }
        return Floors(self.of_set, moved)

    def _seal(self) -> str:
        content = json.dumps([self.of_set, self.floors], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def hold(
    path: Path, of_set: str, measured: Measured, *, lower: bool = False
) -> Literal["written", "raised", "lowered", "held"]:
    """Hold figures against the floors in *path*, which are written if there are none; return what was done.

    Raises:
        EvaluationError: a figure is under its floor, or the floors are of another set, and *lower* is not
            asked for; the file is none.
    """
    if not path.exists():
        Floors(of_set, _under(measured)).write(path)
        return "written"
    floors = Floors.read(path)
    if floors.of_set != of_set and not lower:
        raise EvaluationError(
            f"Нижние границы в «{path}» измерены на другом наборе. Измерить их заново: --lower-floors"
        )
    other = floors.of_set != of_set
    fallen = [] if other else list(floors.fallen(measured))
    if fallen and not lower:
        raise EvaluationError(
            f"Ниже границ в «{path}»: {'; '.join(fallen)}. Если это не ошибка, опустить их: --lower-floors"
        )
    new = Floors(of_set, _under(measured)) if other else floors.moved(measured)
    if new == floors:
        return "held"
    new.write(path)
    return "lowered" if other or fallen else "raised"


def measured_search(figures: Figures) -> Measured:
    """Return what floors are held of a judged search: of all queries, and of kinds with ``LEAST`` or more."""
    kinds = {kind: row for kind, row in figures["by_kind"].items() if row["queries"] >= LEAST}
    rows = {"all": figures, **kinds}
    return {kind: {name: row[name] for name in ("ndcg@10", "success@10")} for kind, row in rows.items()}


def measured_similar(figures: Figures) -> Measured:
    """Return what floors are held of judged pairs."""
    return {"all": {name: figures[name] for name in ("mrr", "mrr_first", "auc")}}


def _under(measured: Measured) -> Measured:
    return {
        kind: {name: round(max(0.0, figure - SLACK), _DIGITS) for name, figure in figures.items()}
        for kind, figures in measured.items()
    }

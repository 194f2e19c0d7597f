"""Two runs over the same items, paired: what is gained, how sure that is, which items moved.

An item is whatever a set asks about, a query or a text; its value is one figure from 0 to 1
(nDCG@10, a reciprocal rank). Every evaluation that gives values by item id can be compared here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.errors import EvaluationError
from searchsvc.evaluation import Figures, library

Values = Mapping[str, float]
"""A figure by the id of an item."""

VALUES = "by_query"
"""The key under which a run prints its values by item (``--per-query``)."""

SIGNIFICANT = 0.05
"""A difference with a smaller p is told as significant (the usual level of the field)."""

CHANGED = 10
"""Items told of those that changed most."""

RESAMPLES = 9999
"""Random flips of sign; no p is under 2 / 10,000 then."""

_SEED = 20261125
_BATCH = 500
_SAME = 1e-6  # JSON keeps every digit; another build of trec_eval may not


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run was made on: ``kind`` is the subcommand of ``evaluate``, ``figure`` the key of the figure
    that is compared, ``items`` the ids of the set, ``fingerprint`` that of its files.
    """

    kind: str
    figure: str
    items: frozenset[str]
    fingerprint: str


def fingerprint(*paths: Path) -> str:
    """Return a hash of the files of a set, wherever they lie.

    Raises:
        EvaluationError: a file cannot be read.
    """
    found = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as content:
                found.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise EvaluationError(
                f"Не читается {path}: {error.strerror}. Без него набор неполон, раскладка описана в --help."
            ) from error
    return found.hexdigest()[:16]


def read_run(path: Path, setting: Setting) -> Values:
    """Return the values of an earlier run, which ``--json --per-query`` printed, on the same set.

    Raises:
        EvaluationError: the file is no such run, of another set, or without values by item.
    """
    again = f"Получите его так: searchsvc evaluate {setting.kind} ПАПКА --json --per-query > прогон.json"
    run = _object(path)
    if setting.figure not in run:
        raise EvaluationError(f"{path}: это не прогон searchsvc evaluate {setting.kind}. {again}")
    values = run.get(VALUES)
    if values is None:
        raise EvaluationError(f"{path}: в прогоне только итоги, без значений по одному. {again}")
    if not isinstance(values, dict) or not all(map(_is_value, values.values())):
        raise EvaluationError(f"{path}: под «{VALUES}» должны быть доли от 0 до 1. {again}")
    common = len(values.keys() & setting.items)
    if values.keys() != setting.items:
        raise EvaluationError(
            f"{path}: прогон другого набора (из {len(setting.items)} имён общих {common}). {_SAME_SET}"
        )
    if run.get("set", setting.fingerprint) != setting.fingerprint:
        raise EvaluationError(f"{path}: прогон другого набора (имена те же, файлы не те). {_SAME_SET}")
    return {name: float(value) for name, value in values.items()}


_SAME_SET = "Сравниваются только прогоны одного набора: те же статьи, запросы и оценки."


def _object(path: Path) -> dict[str, Any]:
    """Return what *path* holds, an empty object where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvaluationError(f"Не читается {path}: {error.strerror}.") from error
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_value(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 + _SAME


def difference(before: Values, after: Values, kinds: Mapping[str, str] | None = None) -> Figures:
    """Compare the values of the same items, all and, under "by_kind", by kind (by item id).

    Return the means "before" and "after", their "difference", its "p", and how many items are
    "better", "worse" and the "same". With many kinds some p is small by chance: none is corrected for that.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    kinds = kinds or {}
    found = _difference(before, after, list(after))
    found["by_kind"] = {
        kind: _difference(before, after, [name for name in after if kinds.get(name) == kind])
        for kind in sorted(set(kinds.values()) - {""})
    }
    return found


def _difference(before: Values, after: Values, names: list[str]) -> Figures:
    old, new = (np.array([values[name] for name in names]) for values in (before, after))
    gains = new - old
    gains[np.abs(gains) <= _SAME] = 0
    return {
        "before": round(float(old.mean()), 4),
        "after": round(float(new.mean()), 4),
        "difference": round(float(gains.mean()), 4),
        "p": round(significance(gains), 4),
        "better": int((gains > 0).sum()),
        "worse": int((gains < 0).sum()),
        "same": int((gains == 0).sum()),
    }


def significance(gains: npt.NDArray[np.float64]) -> float:
    """Return how likely a mean so far from 0 is where each gain might as well be a loss (two-sided p).

    The paired permutation test: it asks about the mean itself and assumes no distribution, which
    figures of queries, most of them equal, do not have (Smucker, Allan, Carterette, CIKM 2007).
    Exact for few items, else by ``RESAMPLES`` flips with a fixed seed.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    moved = gains[gains != 0]  # a zero is the same with either sign
    if len(moved) < 2:
        return 1.0
    tested = library("scipy.stats").permutation_test(
        (moved,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(_SEED),
    )
    return float(tested.pvalue)


def changes(
    before: Values, after: Values, *, texts: Mapping[str, str], kinds: Mapping[str, str] | None = None
) -> Figures:
    """Return the ``difference`` and, under "changed", the items that changed most, as *texts* tell them.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    kinds = kinds or {}
    return {
        **difference(before, after, kinds),
        "changed": [
            {
                "query": name,
                "text": texts[name],
                "kind": kinds.get(name, ""),
                "before": round(before[name], 4),
                "after": round(after[name], 4),
            }
            for name in most_changed(before, after)
        ],
    }


def most_changed(before: Values, after: Values, limit: int = CHANGED) -> list[str]:
    """Return the ids of the items that changed most, the greatest change first."""
    changes = {name: abs(value - before[name]) for name, value in after.items()}
    moved = [name for name, change in changes.items() if change > _SAME]
    return sorted(moved, key=lambda name: (-changes[name], name))[:limit]

"""Data that comes with the package, in ``searchsvc/data``."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt


def packaged_text(name: str) -> str:
    """Return a text file."""
    return (files("searchsvc") / "data" / name).read_text(encoding="utf-8")


def packaged_array(name: str) -> npt.NDArray[Any]:
    """Return an array as numpy writes it."""
    found: npt.NDArray[Any] = np.load(io.BytesIO((files("searchsvc") / "data" / name).read_bytes()))
    return found

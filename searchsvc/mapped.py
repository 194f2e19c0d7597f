"""Files of numbers as arrays, mapped: read where they are touched, shared by all processes."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(path: Path, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the whole values of *kind* that the file has now, as an array that cannot be written.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size // kind.itemsize
        if not size:  # what is empty cannot be mapped
            return np.zeros(0, kind)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), kind, size)

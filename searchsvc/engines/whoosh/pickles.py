"""Pickles of a posting list: numbers, strings, bytes, tuples, lists and arrays, nothing that could run."""

from __future__ import annotations

import io
import pickle
from typing import Any


class PlainUnpickler(pickle.Unpickler):
    """Knows numbers, strings, bytes, tuples, lists and arrays, and nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what may be loaded, refuse all else."""
        if module == "array" and name in {"array", "_array_reconstructor"}:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return _latin_bytes  # how protocol 2 writes bytes
        if (module, name) in {("builtins", "bytes"), ("__builtin__", "bytes")}:
            return _no_bytes  # ... and how it writes that there are none
        raise pickle.UnpicklingError(f"{module}.{name} in a posting list")


def _latin_bytes(text: str, _: str) -> bytes:
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


def load(data: bytes) -> Any:
    """Load a pickle that holds nothing else."""
    return PlainUnpickler(io.BytesIO(data)).load()

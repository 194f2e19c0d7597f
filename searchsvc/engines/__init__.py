"""Engines, one a module; none knows another. ``open_engine`` is the only way in."""

from __future__ import annotations

from pathlib import Path

from searchsvc.engine import Engine
from searchsvc.errors import EngineMissingError, UnknownEngineError

ENGINES = ("whoosh", "tantivy")
"""From the one for small archives to the one for large."""


def open_engine(name: str, folder: Path) -> Engine:
    """Return the engine called *name* on *folder*, importing it only now.

    Raises:
        UnknownEngineError: there is no such engine.
        EngineMissingError: its library is not installed.
    """
    if name == "whoosh":
        from searchsvc.engines.whoosh import WhooshEngine

        return WhooshEngine(folder)
    if name == "tantivy":
        try:
            from searchsvc.engines.tantivy import TantivyEngine
        except ImportError as error:
            if (error.name or "").split(".")[0] != "tantivy":
                raise
            raise EngineMissingError(name, "tantivy") from error
        return TantivyEngine(folder)
    raise UnknownEngineError(name, ENGINES)

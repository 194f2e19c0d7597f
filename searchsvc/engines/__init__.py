"""Engines, one a module; none knows another. ``open_engine`` is the only way in."""

from __future__ import annotations

from pathlib import Path

from searchsvc.engine import Engine
from searchsvc.errors import UnknownEngineError

ENGINES = ("whoosh",)


def open_engine(name: str, folder: Path) -> Engine:
    """Return the engine called *name* on *folder*, importing it only now.

    Raises:
        UnknownEngineError: there is no such engine.
    """
    if name == "whoosh":
        from searchsvc.engines.whoosh import WhooshEngine

        return WhooshEngine(folder)
    raise UnknownEngineError(name, ENGINES)

"""Engines, one a module; none knows another. ``open_engine`` is the only way in."""

from __future__ import annotations

from pathlib import Path

from searchsvc.engine import Engine
from searchsvc.errors import EngineMissingError, UnknownEngineError

ENGINES = ("whoosh", "tantivy")
"""From the one for small archives to the one for large."""

_PACKAGES = {"whoosh": "Whoosh-Reloaded>=2.7.5,<2.8", "tantivy": "tantivy>=0.27,<0.28"}
"""As in setup.cfg."""


def open_engine(name: str, folder: Path) -> Engine:
    """Return the engine called *name* on *folder*, importing it only now.

    Raises:
        UnknownEngineError: there is no such engine.
        EngineMissingError: its library is not installed.
    """
    if name not in ENGINES:
        raise UnknownEngineError(name, ENGINES)
    try:
        if name == "whoosh":
            from searchsvc.engines.whoosh import WhooshEngine

            return WhooshEngine(folder)
        from searchsvc.engines.tantivy import TantivyEngine

        return TantivyEngine(folder)
    except ImportError as error:
        if (error.name or "").split(".")[0] != name:
            raise
        raise EngineMissingError(name, _PACKAGES[name]) from error

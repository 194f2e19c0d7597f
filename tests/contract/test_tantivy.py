"""Tantivy keeps the contract."""

from searchsvc.engines.tantivy import TantivyEngine

from .suite import EngineContract


class TestTantivy(EngineContract):
    opened = staticmethod(TantivyEngine)

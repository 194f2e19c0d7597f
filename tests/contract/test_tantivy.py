"""Tantivy keeps the contract."""

from searchsvc.engines.tantivy import TantivyEngine

from .suite import EngineContract


class TestTantivy(EngineContract):
    opened = staticmethod(TantivyEngine)
    exact_scores = False  # Tantivy knows lengths by one byte and weights in whole steps

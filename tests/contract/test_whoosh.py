"""Whoosh keeps the contract."""

from searchsvc.engines.whoosh import WhooshEngine

from .suite import EngineContract


class TestWhoosh(EngineContract):
    opened = staticmethod(WhooshEngine)

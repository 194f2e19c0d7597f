"""A search that counts how often it is asked."""

from __future__ import annotations

from typing import Any

from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService


class Counting:
    """A service that counts its searches."""

    def __init__(self, service: SearchService) -> None:
        self._service = service
        self.searches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def pinned(self) -> Counting:
        return self

    def search(self, request: SearchRequest) -> ResultPage:
        self.searches += 1
        return self._service.search(request)

"""How long work tells how far it has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as work goes on; must be cheap."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """*done* of *total* (None: unknown) steps of *stage* (Russian, for editors) are behind us."""
        ...


def silent(stage: str, done: int, total: int | None) -> None:
    """Show nothing."""

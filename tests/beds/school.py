"""What tests of commands start from; a test module names this one in its ``pytest_plugins``."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beds.commands import Done, Run
from beds.fake_wordpress import FakeWordPress
from searchsvc.settings import Settings, load_settings
from web.cli import run


@pytest.fixture
def school() -> Iterator[FakeWordPress]:
    """A site with three posts."""
    with FakeWordPress(3) as site:
        yield site


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a data folder that is not there yet."""
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def searchsvc(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, on the data folder of ``settings`` or another."""

    def searchsvc(*arguments: str, folder: Path | None = None, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = run(["--data-dir", str(folder or settings.data_dir), *arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return searchsvc

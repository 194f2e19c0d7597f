"""Small file systems of their own, for tests of full and read-only disks. Root only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount an empty file system of *size* ("2m") on *folder* for the block; skip where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        assert _run("umount", "-l", str(folder)).returncode == 0


def make_read_only(folder: Path) -> None:
    """Let nobody write to the small disk on *folder* any more, root neither."""
    mounted = _run("mount", "-o", "remount,ro", str(folder))
    assert mounted.returncode == 0, mounted.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)

"""What figures were taken on, and at which commit."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = ("corpus", "searchsvc", "indexer", "web")
PACKAGES = ("Whoosh-Reloaded", "tantivy", "bm25s", "numpy", "Flask", "waitress")


def taken() -> dict[str, Any]:
    """Return date, commit, machine and versions; ``load`` tells how busy the machine was besides."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "cpus": os.cpu_count(),
        "model": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "memory_gb": round(int((_line("/proc/meminfo", "MemTotal") or "0").split()[0]) * 1024 / 1e9),
        "load": os.getloadavg()[0],
        "versions": {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version} | _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    """Return the last commit of what is measured, with a plus where files differ from it; "" outside of a
    checkout."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words, "--", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        return git("log", "-1", "--format=%h") + ("+" if git("status", "--porcelain") else "")
    except OSError:
        return ""

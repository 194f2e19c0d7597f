"""Pressed while its index is synced and rebuilt, the site answers every request from one version."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import pytest
from bench.load import ENGINES, Load
from bench.rounds import Rounds
from bench.serving import serving

from corpus.jsonl import import_rows
from indexer.pipeline import rebuild, sync
from searchsvc.bootstrap import open_archive, open_generations
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import clean
from searchsvc.settings import load_settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by POSIX signals here")

SECONDS = 60
VERSIONS = 3
SMALL = Rounds(size=20, batch=12)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_answer_mixes_versions_while_the_index_moves(
    engine: str, tmp_path: Path, analyzer: Analyzer
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    generations = open_generations(settings)
    with open_archive(settings) as archive:
        SMALL.fill(archive)

        def build() -> str:
            rebuild(archive, generations, analyzer, engine=engine)
            return ""

        def change(rows: bytes) -> str:
            import_rows(archive, BytesIO(rows), on_error="stop", clean=clean)
            sync(archive, generations, analyzer)
            return ""

        build()
        load = Load(SMALL, change, build)
        with serving(settings.data_dir) as server:
            load.run(server, SECONDS, clients=2, versions=VERSIONS)
    assert load.good, load.report()
    assert len(load.checker.versions) >= VERSIONS

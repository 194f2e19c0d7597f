"""Leases: one holder at a time, named to whoever finds it held, free the moment it dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from beds.mounts import small_disk

from corpus.errors import SearchServiceError
from corpus.lease import LeaseHeldError, lease

WHAT = "Построение индекса"

HOLDER = """
import sys, time
from pathlib import Path
from corpus.lease import lease
sys.argv = ["/usr/bin/searchsvc", "--data-dir", "/srv/news", "-v", "rebuild", "--engine", "whoosh"]
with lease(Path(sys.stdin.readline().strip()), "работа"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rebuild.lock"


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lease for the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lease_is_free_again_after_its_block_and_after_an_error(path: Path) -> None:
    for _ in range(2):
        with lease(path, WHAT):
            assert path.exists()
        with pytest.raises(ZeroDivisionError), lease(path, WHAT):
            1 / 0
    assert list(path.parent.glob("*.holder")) == []


def test_the_folder_of_a_lease_is_made(tmp_path: Path) -> None:
    with lease(tmp_path / "index" / "rebuild.lock", WHAT):
        assert (tmp_path / "index").is_dir()


def test_another_process_that_holds_it_is_named_with_its_command_and_time(path: Path) -> None:
    with held_elsewhere(path) as process, pytest.raises(LeaseHeldError) as caught, lease(path, WHAT):
        pytest.fail("two hold one lease")
    error = caught.value
    assert error.exit_code == 3
    assert isinstance(error, SearchServiceError)
    assert re.fullmatch(
        rf"{WHAT}: занято — процесс {process.pid} \(searchsvc rebuild\) с \d\d:\d\d:\d\d\. "
        r"Дождитесь окончания и повторите команду\.",
        str(error),
    )
    assert error.holder in str(error)


def test_the_same_process_does_not_get_it_twice(path: Path) -> None:
    with lease(path, WHAT), pytest.raises(LeaseHeldError, match=f"процесс {os.getpid()}"), lease(path, WHAT):
        pytest.fail("two hold one lease")
    with lease(path, WHAT):
        pass


def test_threads_hold_it_one_at_a_time(path: Path) -> None:
    inside: list[int] = []
    most = 0

    def work() -> None:
        nonlocal most
        for _ in range(5):
            with lease(path, WHAT, wait=30):
                inside.append(1)
                most = max(most, len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_lease_of_a_killed_process_is_free_at_once(path: Path) -> None:
    with held_elsewhere(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.with_suffix(".holder").exists()
        with lease(path, WHAT):
            assert json.loads(path.with_suffix(".holder").read_text())["pid"] == os.getpid()
    assert not path.with_suffix(".holder").exists()


def test_whoever_waits_gets_it_when_it_becomes_free(path: Path) -> None:
    with held_elsewhere(path) as process:
        threading.Timer(0.3, process.kill).start()
        begin = time.monotonic()
        with lease(path, WHAT, wait=20):
            assert 0.1 < time.monotonic() - begin < 10


def test_whoever_waits_in_vain_is_told_after_the_time_given(path: Path) -> None:
    with held_elsewhere(path):
        begin = time.monotonic()
        with pytest.raises(LeaseHeldError), lease(path, WHAT, wait=0.3):
            pytest.fail("two hold one lease")
        assert 0.3 <= time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "note", [None, "", "{", "[]", "17", '{"pid": 1}', '{"pid": 1, "command": "x", "since": "вчера"}']
)
def test_a_holder_without_a_readable_note_is_another_process(path: Path, note: str | None) -> None:
    with held_elsewhere(path):
        if note is None:
            path.with_suffix(".holder").unlink()
        else:
            path.with_suffix(".holder").write_text(note)
        with pytest.raises(LeaseHeldError, match="занято — другой процесс"), lease(path, WHAT):
            pytest.fail("two hold one lease")


def test_leases_of_different_files_do_not_disturb_one_another(tmp_path: Path) -> None:
    with lease(tmp_path / "a.lock", WHAT), lease(tmp_path / "b.lock", WHAT):
        pass


def test_a_full_disk_does_not_keep_a_lease_from_being_held(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        with lease(disk / "rebuild.lock", WHAT):
            pass
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"\0" * 4096):
                pass
        with lease(disk / "rebuild.lock", WHAT):
            assert (disk / "rebuild.holder").stat().st_size == 0
            with pytest.raises(LeaseHeldError, match="другой процесс"), lease(disk / "rebuild.lock", WHAT):
                pytest.fail("two hold one lease")

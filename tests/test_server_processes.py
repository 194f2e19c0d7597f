"""Several processes that answer on one socket."""

from __future__ import annotations

import http.client
import multiprocessing
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from beds.commands import eventually, started

from searchsvc.settings import Settings
from web.processes import FurtherSites
from web.server import listen

ALONE = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by POSIX signals here")


def status(port: int, path: str) -> int:
    """Return the status of an answer, 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with closing(listen("127.0.0.1", 0)) as made:
        yield made


def test_a_process_answers_is_replaced_if_it_dies_and_ends_when_told(
    own_sample: Settings, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    further = FurtherSites(own_sample, listening, 1)  # nobody else answers on this socket
    further.start()
    (first,) = multiprocessing.active_children()
    eventually(lambda: status(port, "/search?q=a") == 200)
    further.mend()
    assert multiprocessing.active_children() == [first]
    first.kill()
    first.join()
    further.mend()
    (second,) = multiprocessing.active_children()
    assert second.pid != first.pid
    eventually(lambda: status(port, "/search?q=a") == 200)
    further.stop()
    assert second.exitcode == 0
    assert multiprocessing.active_children() == []


@ALONE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_processes_end_with_the_first(own_sample: Settings, number: signal.Signals) -> None:
    with closing(listen("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with started(
        own_sample.data_dir, "serve", "--port", str(port), extra={"SEARCHSVC_PROCESSES": "2"}
    ) as process:
        eventually(lambda: status(port, "/search?q=a") == 200)
        process.send_signal(number)
        assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
        eventually(lambda: status(port, "/healthz") == 0)

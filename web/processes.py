"""Further processes that answer on the site's socket, each with an interpreter lock of its own."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from searchsvc.settings import Settings
from web.server import LAST_ANSWERS, Site

LOG = logging.getLogger(__name__)

ENDING_SECONDS = 2 * LAST_ANSWERS + 1
"""Seconds that a process has to give its last answers and close its files."""


class FurtherSites:
    """*number* processes that answer as this one does, on the socket *listening*.

    They share nothing but that socket and the data folder: each watches the index, writes the log of
    queries and keeps finished answers for itself. Each ends when its pipe to this process is closed, so
    also when this process is killed.
    """

    def __init__(self, settings: Settings, listening: socket.socket, number: int) -> None:
        self._settings = settings
        self._listening = listening
        self._number = number
        self._running: list[tuple[SpawnProcess, Connection]] = []

    def start(self) -> None:
        """Begin to answer in a moment."""
        self._running = [self._begin() for _ in range(self._number)]

    def mend(self) -> None:
        """Put new ones in the place of those that died."""
        for place, (process, pipe) in enumerate(self._running):
            if not process.is_alive():
                LOG.error("site_process_died code=%s", process.exitcode)
                pipe.close()
                self._running[place] = self._begin()

    def stop(self) -> None:
        """Let them give their last answers and end."""
        for _, pipe in self._running:
            pipe.close()
        for process, _ in self._running:
            process.join(ENDING_SECONDS)
            if process.is_alive():
                process.kill()
        self._running = []

    def _begin(self) -> tuple[SpawnProcess, Connection]:
        # Not forked: threads of ours hold locks, and Windows has no fork.
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(self._settings, self._listening, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _answer(settings: Settings, listening: socket.socket, first: Connection) -> None:
    """Answer until the first process closes its end of the pipe or dies; signals are for that one."""
    from web.console import configure_logging

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    configure_logging(settings.log_level)
    site = Site(settings, listening)
    site.start()
    with suppress(EOFError, OSError):
        first.recv()
    site.stop()

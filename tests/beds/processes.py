"""Processes of a test bed that end with the test process, however that one ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_TAIL = 4000
"""Characters of a dead process's log that its error shows."""

# Reads "add PID" lines. When its input closes without a "done", the test process is gone (killed,
# perhaps): it then ends the process groups it was told of and removes the folder.
_WATCHDOG = """
pids=
while read -r word pid; do
    case $word in
        add) pids="$pids $pid" ;;
        done) exit 0 ;;
    esac
done
for pid in $pids; do kill -s KILL -- "-$pid"; done
for pause in 0.1 0.5 2; do sleep $pause; rm -rf -- "$1" && exit 0; done
"""


class BedError(RuntimeError):
    """A part of a test bed did not start, ended early or refused an operation."""


class Processes:
    """The services of one bed, each the leader of its own process group.

    *work* is the bed's folder and is removed by :meth:`stop`; the logs stay in *logs*. Services are killed,
    not asked: nothing of what they hold is wanted afterwards.
    """

    def __init__(self, work: Path, logs: Path) -> None:
        self._work = work
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "bed-watchdog", str(work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the running services by name."""
        return {name: process.pid for name, process in self._running.items()}

    def spawn(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start a service in the foreground of its own group; its output goes to ``NAME.log``."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, **(environment or {})),
                pass_fds=descriptors,
                start_new_session=True,
            )
        self._running[name] = process
        self._tell(f"add {process.pid}")

    def check(self) -> None:
        """Raise BedError, with the end of its log, if a service has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                log = (self._logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise BedError(f"{name} ended with {process.returncode}: {log[-LOG_TAIL:]}")

    def stop(self) -> None:
        """Kill the services by their ids, wait for them and remove the bed's folder; harmless twice."""
        for process in self._running.values():
            # A leader that has been waited for may have given its id away.
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        for process in self._running.values():
            process.wait()
        self._running.clear()
        shutil.rmtree(self._work, ignore_errors=True)
        self._tell("done")
        if self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        self._watchdog.wait()

    def _tell(self, line: str) -> None:
        pipe = self._watchdog.stdin
        if pipe and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(f"{line}\n".encode())
                pipe.flush()

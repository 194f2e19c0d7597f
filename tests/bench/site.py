"""The real server on a data folder, and beside the site a plain Flask route that returns a constant.

``python -m bench.site FOLDER`` is ``searchsvc serve`` with that one route more, in the same server.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bench.jobs import JobError, environment
from bench.prepared import FILTERED, SINCE, UNTIL

CONSTANT = "/constant"
_LARGEST = 1_000_000
_START_SECONDS = 120.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Answer(NamedTuple):
    """What came back, and the milliseconds from the first byte sent to the last one read."""

    status: int
    tag: str
    size: int
    took: float


class Client:
    """One kept connection to a server; as little work as can be, so that the server's is what is measured."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._address = ("127.0.0.1", port)
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def get(self, path: str, *, tag: str = "", status: int = 200) -> Answer:
        """Ask for *path*, with ``If-None-Match`` where *tag* is given.

        A connection that the server closes is made anew afterwards, and that is not timed.

        Raises:
            JobError: the answer has another *status*, or none comes.
        """
        try:
            return self._get(path, tag, status)
        except OSError as error:
            raise JobError(f"{path}: {error}") from error

    def _get(self, path: str, tag: str, status: int) -> Answer:
        condition = f"If-None-Match: {tag}\r\n" if tag else ""
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{condition}\r\n".encode("ascii")
        started = perf_counter()
        self._socket.sendall(asked)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        lines = data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        missing = size - (len(data) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        took = (perf_counter() - started) * 1000
        if headers.get("connection", "").lower() == "close":
            self._socket.close()
            self._connect()
        found = int(lines[0].split(" ")[1])
        if found != status:
            raise JobError(f"{path}: status {found} instead of {status}")
        return Answer(found, headers.get("etag", ""), size, took)

    def constant(self, size: int) -> float:
        """Return the milliseconds of a constant of *size* bytes."""
        return self.get(f"{CONSTANT}/{size}").took

    def _more(self) -> bytes:
        data = self._socket.recv(262_144)
        if not data:
            raise JobError("the server closed the connection")
        return data


def address(kind: str, text: str) -> str:
    """Return the address of a search in the API: a page of ten with facets and snippets."""
    asked = {"q": text} | ({"from": str(SINCE), "to": str(UNTIL)} if kind == FILTERED else {})
    return f"/api/v1/search?{urlencode(asked)}"


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[Client]:
    """Start the server on the data folder *folder*; it does not outlive the block.

    Raises:
        JobError: it does not start.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.site", str(folder)],
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + _START_SECONDS
        while not (told := _ADDRESS.search(log.read_text(encoding="utf-8", errors="replace"))):
            if process.poll() is not None or time.monotonic() > until:
                raise JobError(log.read_text(encoding="utf-8", errors="replace")[-600:] or "no server")
            time.sleep(0.02)
        client = Client(process.pid, int(told[1]))
        try:
            yield client
        finally:
            client.close()
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _with_constant(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return *create_app* with another application beside the site: as many bytes as its address says."""
    from flask import Flask, Response
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    plain = Flask("constant")
    body = b"x" * _LARGEST

    @plain.get("/<int:size>")
    def constant(size: int) -> Response:
        return Response(body[:size], mimetype="application/json")

    def created(*arguments: Any) -> Any:
        app = create(*arguments)
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {CONSTANT: plain})
        return app

    return created


def main() -> int:
    """Serve the data folder of the argument on a free port, until whoever started us closes our input."""
    import web.app
    from web.cli import run

    def end_with_input() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_input, daemon=True).start()
    web.app.create_app = _with_constant(web.app.create_app)
    return run(["--data-dir", sys.argv[1], "serve", "--port", "0"])


if __name__ == "__main__":
    sys.exit(main())

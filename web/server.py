"""The site as a running server: Waitress on a port, a worker beside it, signals that end them."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from corpus.errors import SearchServiceError

if TYPE_CHECKING:
    from flask import Flask

    from searchsvc.settings import Settings

BACKLOG = 128
LAST_ANSWERS = 3.0
"""Seconds that answers being written have when the site stops."""

WORKER_SECONDS = 8.0
"""Seconds a worker has to leave its work; beyond, it is left as a killed one would be, which is safe."""

FORWARDED = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"}


class PortError(SearchServiceError):
    """The site cannot be at this address."""

    exit_code = 4

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Сайт не запущен на {host}:{port}: {reason}")
        self.host = host
        self.port = port


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port* (0: any free one).

    Raises:
        PortError: the port is in use or not for us, or there is no such host.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortError(host, port, "такого адреса нет. Укажите другой: --host АДРЕС") from error
    try:
        if os.name == "posix":  # elsewhere this option lets two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)  # now, not later: until then another one may bind the port, too
    except OSError as error:
        bound.close()
        raise PortError(host, port, _reason(error)) from error
    return bound


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "порт занят другой программой. Остановите её или укажите другой порт: --port N"
    if error.errno == errno.EACCES:
        return "на этот порт нет прав. Укажите порт от 1024: --port N"
    if error.errno == errno.EADDRNOTAVAIL:
        return "у этого компьютера нет такого адреса. Укажите другой: --host АДРЕС"
    return f"{error.strerror}. Укажите другой адрес или порт: --host, --port"


class Site:
    """The site over the data folder of *settings*, on a socket that listens already.

    *around* may put another WSGI application around it.
    """

    def __init__(
        self, settings: Settings, listening: socket.socket, *, around: Callable[[Any], Any] = lambda app: app
    ) -> None:
        import waitress

        from searchsvc.bootstrap import open_service
        from searchsvc.language.analysis import Analyzer
        from web.app import compile_templates, create_app

        self.port: int = listening.getsockname()[1]
        self.service, self._live = open_service(settings, Analyzer(), watch=True)
        self._app: Flask = create_app(self.service, settings)
        compile_templates(self._app)
        trust: dict[str, Any] = {}
        if settings.trusted_proxy:
            trust = {"trusted_proxy": settings.trusted_proxy, "trusted_proxy_headers": FORWARDED}
        self._server: Any = waitress.create_server(
            around(self._app), sockets=[listening], threads=settings.threads, ident="searchsvc", **trust
        )
        self._thread = threading.Thread(target=self._server.run, name="site", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Give the last answers, then close everything."""
        from waitress import wasyncore

        self._server.task_dispatcher.shutdown(timeout=LAST_ANSWERS)
        with suppress(OSError):  # awake already, it may close the trigger before we have pulled it
            self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._server._map))
        self._thread.join(LAST_ANSWERS)
        self._live.close()
        if self._app.extensions["query_log"] is not None:
            self._app.extensions["query_log"].close()


class BackgroundWorker:
    """A worker in a thread of this process."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work; raises WorkerRunningError where another worker does."""
        self._thread.start()
        self._ready.wait()
        self.check()

    def check(self) -> None:
        """Raise what ended the worker, if anything did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> bool:
        """Ask the worker to leave its work; False if it took too long and was left behind."""
        self._stop.set()
        self._thread.join(WORKER_SECONDS)
        return not self._thread.is_alive()

    def _run(self) -> None:
        from indexer.worker import run

        try:
            run(self._settings, stop=self._stop, tell=self._tell, ready=self._ready.set)
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second one ends the process at once."""
    stop = threading.Event()
    names = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.getsignal(name) for name in names}

    def end(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for name in names:
        signal.signal(name, end)
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def address(host: str, port: int) -> str:
    """Return the site's address as one types it; on all addresses, this computer's own name."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - asked for by whoever started the site
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def answers(port: int, path: str) -> bool:
    """Ask our own site on this computer for a page and tell whether it answered."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def flush_and_leave(code: int) -> None:
    """End the process without waiting for threads that were left behind."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

"""Commands that go on until they are stopped: demo, serve, worker."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from corpus.errors import SearchServiceError
from web.commands.base import Command, number, with_settings
from web.commands.work import carry_out, in_step, tell_index
from web.console import note, progress, say
from web.words import articles

if TYPE_CHECKING:
    from socket import socket

    from corpus.archive import Archive
    from searchsvc.settings import Settings
    from web.server import BackgroundWorker, Site

LOCAL = "127.0.0.1"
WAIT_SECONDS = 0.5
TRIALS = (
    ("наставничество", "слово в любой форме"),
    ('"итоги ЕГЭ"', "слова рядом, в любой форме"),
    ("Образовfybt", "раскладка исправится сама"),
)


class SilentSiteError(SearchServiceError):
    """The site was started and does not answer."""

    exit_code = 70

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Сайт запущен на порту {port}, но не отвечает. Повторите с SEARCHSVC_LOG_LEVEL=DEBUG: "
            "причина будет в журнале."
        )


@click.command("demo", cls=Command)
@click.option("--port", metavar="N", callback=number(0, 65535), help="Порт сайта (иначе свободный)")
@with_settings
def demo(settings: Settings, port: int | None) -> None:
    """Показать поиск в деле: пример архива, индекс, сайт и исполнитель — одной командой.

    В папку данных, если она пуста, загружается пример: статьи о школах выдуманной области.
    Остановить: Ctrl-C.

    \b
    Пример:
      searchsvc demo
      searchsvc demo --data-dir demo --port 8090
    """
    from web.server import Site, answers, until_stopped

    settings = settings.model_copy(update={"host": LOCAL, "public_url": "", "trusted_proxy": ""})
    listening = _listen(settings.port, port)
    _load_sample(settings)
    _build(settings)
    with until_stopped() as stop:
        worker = _own_worker(settings)
        site = Site(settings, listening)
        site.start()
        if not answers(site.port, f"/search?q={quote(TRIALS[-1][0])}"):
            raise SilentSiteError(site.port)
        _invite(f"http://{LOCAL}:{site.port}")
        while not stop.wait(WAIT_SECONDS):
            pass
        note("Останавливаемся…")
        _end(site, worker)


def _listen(usual: int, wanted: int | None) -> socket:
    from web.server import PortError, listen

    if wanted is not None:
        return listen(LOCAL, wanted)
    try:
        return listen(LOCAL, usual)
    except PortError:
        return listen(LOCAL, 0)


def _load_sample(settings: Settings) -> None:
    """Load the sample into an archive that has never had an article."""
    from importlib.resources import files

    from corpus.jsonl import import_rows
    from searchsvc.bootstrap import open_archive
    from searchsvc.language.text import clean

    with open_archive(settings) as archive:
        if archive.last_sequence():
            note(f"В папке «{settings.data_dir}» уже есть архив: {_counted(archive)}.")
            return
        sample = files("corpus") / "sample" / "articles.jsonl"
        with sample.open("rb") as rows, progress() as shown:
            report = import_rows(
                archive,
                rows,
                on_error="stop",
                clean=clean,
                progress=lambda done: shown("Загрузка примера", done, None),
            )
        if report.failed:
            raise SearchServiceError(f"Пример архива повреждён: строка {report.failed[0][0]}.")
        say(f"Загружен пример архива: {_counted(archive)}.")


def _counted(archive: Archive) -> str:
    return articles(archive.count())


def _build(settings: Settings) -> None:
    """Bring the index in step; one that cannot be used is built anew."""
    from searchsvc.errors import GenerationError

    try:
        tell_index(in_step(settings))
    except GenerationError as error:
        note(str(error))
        tell_index(carry_out(settings, "rebuild", {}))


def _own_worker(settings: Settings) -> BackgroundWorker | None:
    """Start a worker in this process; None where the folder has one already."""
    from indexer.worker import WorkerRunningError
    from web.server import BackgroundWorker

    worker = BackgroundWorker(settings, note)
    try:
        worker.start()
    except WorkerRunningError:
        return None
    return worker


def _invite(site: str) -> None:
    say(f"\nСайт отвечает: {site}\n\nПопробуйте найти:")
    for text, why in TRIALS:
        say(f"  {text} — {why}\n    {site}/search?q={quote(text)}")
    say("\nОстановить: Ctrl-C")


def _end(site: Site, worker: BackgroundWorker | None) -> None:
    from web.server import flush_and_leave

    left = worker.stop() if worker else True
    site.stop()
    if not left:
        flush_and_leave(0)


@click.command("serve", cls=Command)
@click.option("--host", metavar="АДРЕС", help="На каком адресе отвечать (иначе SEARCHSVC_HOST, 127.0.0.1)")
@click.option("--port", metavar="N", callback=number(0, 65535), help="Порт (иначе SEARCHSVC_PORT, 8080)")
@with_settings
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Запустить сайт и API.

    Заданий не выполняет: для них есть searchsvc worker. Пока индекса нет, отвечает страницей
    «Поиск временно недоступен». Остановить: Ctrl-C или SIGTERM.

    \b
    Пример:
      searchsvc serve
      searchsvc serve --host 0.0.0.0 --port 80
    """
    from web.processes import FurtherSites
    from web.server import Site, address, listen, until_stopped

    shown = settings.host if host is None else host
    with until_stopped() as stop:
        listening = listen(shown, settings.port if port is None else port)
        further = FurtherSites(settings, listening, settings.processes - 1)
        further.start()
        site = Site(settings, listening)
        readiness = site.service.readiness()
        if readiness.reason:
            note(f"Внимание: {readiness.reason}")
        site.start()
        say(f"Сайт отвечает: {settings.public_url or address(shown, site.port)}")
        while not stop.wait(WAIT_SECONDS):
            further.mend()
        further.stop()
        site.stop()


@click.command("worker", cls=Command)
@with_settings
def worker(settings: Settings) -> None:
    """Запустить исполнителя: он выполняет задания и обходит сайты по расписанию.

    Пока он работает, команды crawl, sync, rebuild и reextract передают работу ему и показывают,
    как она идёт. Расписание: SEARCHSVC_CRAWL_EVERY_HOURS. Остановить: Ctrl-C или SIGTERM; начатое
    задание продолжится после запуска.

    \b
    Пример:
      searchsvc worker
      SEARCHSVC_CRAWL_EVERY_HOURS=6 searchsvc worker
    """
    from searchsvc.bootstrap import open_generations
    from web.server import BackgroundWorker, flush_and_leave, until_stopped

    open_generations(settings)  # a package that the settings want and is missing is told now
    working = BackgroundWorker(settings, say)
    with until_stopped() as stop:
        working.start()
        say(f"Исполнитель работает: {settings.data_dir}. Остановить: Ctrl-C")
        while not stop.wait(WAIT_SECONDS):
            working.check()
        note("Останавливаемся…")
        left = working.stop()
    if not left:
        flush_and_leave(0)

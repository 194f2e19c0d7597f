"""Commands that fill the archive and empty it: crawl, reextract, import, export."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from corpus.errors import SearchServiceError
from web.commands.base import Command, one_of, with_settings
from web.commands.sources import NONE_YET
from web.commands.work import (
    UnfinishedError,
    archive_of,
    carry_out,
    in_step,
    tell_crawl,
    tell_index,
)
from web.console import note, progress, say
from web.words import articles, counted, grouped

if TYPE_CHECKING:
    from searchsvc.settings import Settings

SHOWN_FAILURES = 20


@click.command("crawl", cls=Command)
@click.argument("source", required=False, metavar="[ИСТОЧНИК]")
@click.option(
    "--accept-removals",
    is_flag=True,
    help="Поверить сайту, с которого пропало необычно много статей",
)
@click.option("--full", is_flag=True, help="Скачать всё заново, а не только изменения")
@with_settings
def crawl(settings: Settings, source: str | None, accept_removals: bool, full: bool) -> None:
    """Собрать новое и изменённое с сайтов и обновить индекс.

    Без ИСТОЧНИКА обходит все добавленные сайты. Если один не отвечает, остальные всё равно
    обходятся, а код завершения не 0. Первый индекс строится сам.

    \b
    Пример:
      searchsvc crawl
      searchsvc crawl iro.example.ru --full
    """
    from indexer.worker import crawlable

    with archive_of(settings) as archive:
        chosen = [archive.source(source)] if source else crawlable(archive.sources())
    if not chosen:
        raise SearchServiceError(f"Обходить нечего. {NONE_YET}")
    flags = {"accept_removals": accept_removals, "full": full}
    wanted: dict[str, Any] = {name: True for name, value in flags.items() if value}
    failures: list[SearchServiceError] = []
    for each in chosen:
        try:
            tell_crawl(carry_out(settings, "crawl", {"source": each.id} | wanted), each.id)
        except SearchServiceError as error:
            failures.append(error)
            if len(chosen) > 1:
                note(f"{each.id}: {error}")
    if len(chosen) == 1 and failures:
        raise failures[0]
    if failures:
        failed = counted(len(failures), "источник", "источника", "источников")
        raise UnfinishedError(
            f"Не всё удалось: {failed} из {len(chosen)} — сообщения выше.", failures[0].exit_code
        )


@click.command("reextract", cls=Command)
@click.argument("source", required=False, metavar="[ИСТОЧНИК]")
@with_settings
def reextract(settings: Settings, source: str | None) -> None:
    """Извлечь тексты заново из сохранённых страниц, без обращения к сайтам.

    Нужна после обновления программы, которое лучше разбирает страницы.

    \b
    Пример:
      searchsvc reextract
      searchsvc reextract iro.example.ru
    """
    with archive_of(settings) as archive:
        name = archive.source(source).id if source else None
    outcome = carry_out(settings, "reextract", {"source": name} if name else {})
    tell_crawl(outcome, name or "Все источники")


@click.command("import", cls=Command)
@click.argument("file", metavar="ФАЙЛ.jsonl")
@click.option(
    "--on-error",
    default="stop",
    metavar="stop|skip",
    callback=one_of("stop", "skip"),
    help="При ошибке в строке: stop — не загружать ничего (так по умолчанию), skip — пропустить строку",
)
@with_settings
def import_file(settings: Settings, file: str, on_error: Literal["stop", "skip"]) -> None:
    """Загрузить статьи из файла JSON Lines и обновить индекс.

    Строка — объект с полями url, title, body и, если есть, lead, published, modified,
    categories, tags, source. Вместо ФАЙЛА можно указать «-»: тогда строки читаются из
    стандартного ввода. Статья, которая уже есть и не изменилась, пропускается.

    \b
    Пример:
      searchsvc import news.jsonl
      searchsvc export --data-dir старая | searchsvc import - --data-dir новая
    """
    from corpus.jsonl import import_rows
    from searchsvc.bootstrap import open_archive
    from searchsvc.language.text import clean

    with _opened(file) as rows, open_archive(settings) as archive, progress() as shown:
        report = import_rows(
            archive,
            rows,
            on_error=on_error,
            clean=clean,
            progress=lambda done: shown("Загрузка статей", done, None),
        )
    for number, reason in report.failed[:SHOWN_FAILURES]:
        note(f"Строка {number}: {reason}")
    if len(report.failed) > SHOWN_FAILURES:
        note(f"… и ещё {grouped(len(report.failed) - SHOWN_FAILURES)}.")
    wrong = counted(len(report.failed), "строке", "строках", "строках")
    if report.failed and on_error == "stop":
        raise UnfinishedError(
            f"Ошибки в {wrong}: ничего не загружено. Исправьте файл или пропустите такие строки: "
            f"searchsvc import {file} --on-error skip"
        )
    say(f"Загружено: новых {report.new}, изменённых {report.changed}, без изменений {report.unchanged}.")
    try:
        tell_index(in_step(settings))
    except SearchServiceError as error:
        raise UnfinishedError(f"Статьи в архиве, но индекс не обновлён. {error}", error.exit_code) from error
    if report.failed:
        raise UnfinishedError(f"Пропущены строки с ошибками: {grouped(len(report.failed))}.")


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as rows:
            yield rows


@click.command("export", cls=Command)
@click.argument("file", required=False, default="-", metavar="[ФАЙЛ]")
@click.option("--full", is_flag=True, help="С источниками, прежними редакциями и сохранёнными страницами")
@with_settings
def export(settings: Settings, file: str, full: bool) -> None:
    """Выгрузить статьи в JSON Lines: в ФАЙЛ или в стандартный вывод.

    Выгружаются действующие статьи. С --full получается копия всего архива, которую
    searchsvc import разворачивает в пустой папке данных.

    \b
    Пример:
      searchsvc export news.jsonl
      searchsvc export --full | gzip > archive.jsonl.gz
    """
    from corpus.jsonl import write_rows

    with archive_of(settings) as archive, progress(beside_results=file == "-") as shown:
        total = archive.count()

        def show(done: int) -> None:
            shown("Выгрузка статей", done, total)

        if file == "-":
            written = write_rows(archive, sys.stdout, full=full, progress=show)
            sys.stdout.flush()
        else:
            with _replaced(Path(file)) as rows:
                written = write_rows(archive, rows, full=full, progress=show)
    note(f"Выгружено: {articles(written)}.")


@contextmanager
def _replaced(path: Path) -> Iterator[IO[str]]:
    """Write a file that appears under its name when it is whole; a pipe or device is written into."""
    path = path.resolve()  # what a link points at is meant, not the link
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        os.replace(part, path)  # noqa: PTH105 - the same on every system
    except BaseException:
        part.unlink(missing_ok=True)
        raise

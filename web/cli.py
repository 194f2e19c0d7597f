"""``searchsvc``: the editors' front door in a terminal.

Here are the group of all commands, and what becomes of errors: a sentence in Russian on
stderr and the exit code that the error carries. The commands are in ``web.commands``.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Sequence

import click

from corpus.errors import SearchServiceError
from web import console
from web.commands import (
    collecting,
    evaluate,
    explain,
    index,
    queries,
    search,
    serving,
    sources,
    status,
    synonyms,
)
from web.commands.base import Group, complaint, show_help

INTERNAL = 70
"""The exit code of errors that nobody foresaw, as in BSD's sysexits."""

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell sees of other programs whose reader went away (128 + SIGPIPE)."""


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"searchsvc {version('searchsvc')}")
    except PackageNotFoundError:  # run from a folder of sources
        click.echo("searchsvc (не установлен)")
    context.exit()


@click.group(cls=Group)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Показать версию",
)
def cli() -> None:
    """Поиск по архиву новостей образования: сбор статей, индекс, сайт.

    \b
    Пример:
      searchsvc demo
      searchsvc source add https://iro.example.ru
      searchsvc crawl
      searchsvc serve
    """
    show_help()


for _command in (
    *(serving.demo, sources.source, collecting.crawl),
    *(index.sync, index.rebuild, index.rollback, collecting.reextract, index.purge, index.backup),
    *(serving.serve, serving.worker, status.status),
    *(search.query, explain.explain, search.analyse, queries.queries, synonyms.synonyms, evaluate.evaluate),
    *(collecting.import_file, collecting.export),
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    console.make_streams_safe()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; whatever goes wrong is told on stderr."""
    try:
        # Not cli.main: it would take care of a reader that went away in a way of its own.
        with cli.make_context("searchsvc", list(arguments)) as context:
            result = cli.invoke(context)
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except click.exceptions.Exit as asked:  # --help, --version
        return asked.exit_code
    except (Exception, KeyboardInterrupt) as error:  # the entry point: nothing may end as a traceback
        return _failed(error)
    return result if isinstance(result, int) else 0


def _failed(error: BaseException) -> int:
    match error:
        case click.Abort() | KeyboardInterrupt():
            return INTERRUPTED
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "searchsvc"
            console.note(f"{complaint(error)} Справка: {command} --help")
            return error.exit_code
        case SearchServiceError():
            logging.getLogger(__name__).debug("command.failed", exc_info=error)
            console.note(str(error))
            return error.exit_code
        case OSError(errno=errno.EPIPE):
            return _leave_pipe()
        case OSError():
            return _tell_system_error(error)
        case _:
            return _tell_unknown(error)


def _leave_pipe() -> int:
    """Say nothing to a reader that went away, not even when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


_SYSTEM = {
    errno.EACCES: "нет прав",
    errno.EPERM: "нет прав",
    errno.ENOENT: "нет такого файла или папки",
    errno.EISDIR: "это папка, а нужен файл",
    errno.ENOTDIR: "на пути к нему не папка, а файл",
    errno.EEXIST: "уже есть",
    errno.ENOSPC: "на диске нет места",
    errno.EDQUOT: "на диске нет места",
    errno.EROFS: "диск доступен только для чтения",
}


def _tell_system_error(error: OSError) -> int:
    logging.getLogger(__name__).debug("command.failed", exc_info=error)
    reason = _SYSTEM.get(error.errno or 0, error.strerror or str(error))
    said = f"«{error.filename}»: {reason}" if error.filename else f"{reason[:1].upper()}{reason[1:]}"
    console.note(f"{said}. Проверьте путь, права и место на диске.")
    return 1


def _tell_unknown(error: BaseException) -> int:
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
        return INTERNAL
    console.note(
        f"Внутренняя ошибка: {type(error).__name__}: {error}. "
        "Подробности покажет та же команда с SEARCHSVC_LOG_LEVEL=DEBUG."
    )
    return INTERNAL


if __name__ == "__main__":
    main()

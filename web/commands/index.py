"""Commands on the index and care of the whole: sync, rebuild, rollback, purge, backup."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.errors import SearchServiceError
from web.commands.base import Command, with_settings
from web.commands.work import archive_of, carry_out, tell_index, workshop_of
from web.console import confirmed, note, progress, say
from web.words import size

if TYPE_CHECKING:
    from searchsvc.settings import Settings


@click.command("sync", cls=Command)
@with_settings
def sync(settings: Settings) -> None:
    """Обновить индекс: внести в него все изменения архива.

    Команды crawl, import и reextract делают это сами; sync нужна, если их прервали.

    \b
    Пример:
      searchsvc sync
    """
    tell_index(carry_out(settings, "sync", {}))


@click.command("rebuild", cls=Command)
@click.option("--engine", metavar="ИМЯ", help="Поисковый движок нового индекса (иначе SEARCHSVC_ENGINE)")
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Опубликовать, даже если статей станет намного меньше",
)
@with_settings
def rebuild(settings: Settings, engine: str | None, accept_loss: bool) -> None:
    """Построить индекс заново рядом с действующим, проверить и заменить им прежний.

    Пока новый строится, отвечает прежний. Он сохраняется: к нему возвращает searchsvc rollback.

    \b
    Пример:
      searchsvc rebuild
      searchsvc rebuild --engine tantivy
    """
    wanted: dict[str, Any] = {}
    if engine:
        wanted["engine"] = engine
    if accept_loss:
        wanted["accept_loss"] = True
    tell_index(carry_out(settings, "rebuild", wanted))


@click.command("rollback", cls=Command)
@with_settings
def rollback(settings: Settings) -> None:
    """Вернуться к предыдущему индексу.

    Сначала в него вносятся все изменения архива, так что удалённые статьи не вернутся.

    \b
    Пример:
      searchsvc rollback
    """
    from indexer import pipeline
    from searchsvc.bootstrap import open_generations

    generations = open_generations(settings)
    with archive_of(settings) as archive:
        workshop = workshop_of(settings, archive)
        with progress() as shown:
            shown("Возврат к предыдущему индексу", 0, None)
            pipeline.rollback(archive, generations, workshop.analyzer)
    say(f"Опубликован предыдущий индекс: {generations.pointer().generation}. Вернуть: searchsvc rollback")


@click.command("purge", cls=Command)
@click.argument("article", metavar="СТАТЬЯ")
@click.option("--yes", is_flag=True, help="Не переспрашивать")
@with_settings
def purge(settings: Settings, article: str, yes: bool) -> None:
    """Уничтожить статью без следа: текст, редакции, сохранённую страницу, записи индекса.

    СТАТЬЯ — её идентификатор или адрес. Вернуть её можно будет только из резервной копии;
    если она осталась на своём сайте, следующий обход соберёт её снова: сначала удалите её там,
    а к предыдущему индексу (searchsvc rollback) — уже нельзя: в нём она есть.

    \b
    Пример:
      searchsvc purge https://iro.example.ru/2024/05/zayavka/
    """
    from indexer import pipeline
    from searchsvc.bootstrap import open_generations

    with archive_of(settings) as archive:
        found = archive.find(article, removed=True)
        title = archive.revisions(found)[-1].article.title
        if not yes and not confirmed(f"Уничтожить статью «{title}» ({found}) без возможности вернуть?"):
            note("Ничего не изменено.")
            return
        workshop = workshop_of(settings, archive)
        with progress() as shown:
            shown("Уничтожение статьи", 0, None)
            pipeline.purge(archive, open_generations(settings), workshop.analyzer, found)
    say(f"Статья {found} уничтожена в архиве и в индексе.")


class BackupExistsError(SearchServiceError):
    """The place for a backup is taken."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"«{path}» уже есть. Укажите для резервной копии новую папку.")
        self.path = path


@click.command("backup", cls=Command)
@click.argument("folder", metavar="ПАПКА")
@with_settings
def backup(settings: Settings, folder: str) -> None:
    """Сохранить копию архива и журнала заданий в новую ПАПКУ.

    Можно во время обхода. Индекс не копируется: его строит searchsvc rebuild. Чтобы
    восстановить данные, положите archive.db и desk.db из копии в пустую папку данных.

    \b
    Пример:
      searchsvc backup backup-2024-11-24
    """
    from indexer.desk import Desk

    path = Path(folder)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise BackupExistsError(path)
    part = path.with_name(f".{path.name}.searchsvc-part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with archive_of(settings) as archive, progress() as shown:
            shown("Резервное копирование", 0, None)
            part.mkdir(parents=True)
            archive.backup(part / "archive.db")
            with Desk.open(settings.desk_address) as desk:
                desk.backup(part / "desk.db")
        if path.exists():
            path.rmdir()
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    total = sum(file.stat().st_size for file in path.iterdir())
    say(f"Резервная копия: {path} (archive.db и desk.db, {size(total)}).")

"""``searchsvc source …``: where articles come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from web.commands.base import Group, number, show_help, with_settings
from web.commands.work import archive_of, in_step, is_there, tell_index, workshop_of
from web.console import confirmed, dump, note, progress, say
from web.words import articles

if TYPE_CHECKING:
    from corpus.article import Source
    from searchsvc.settings import Settings

NONE_YET = (
    "Источников ещё нет. Добавьте сайт: searchsvc source add АДРЕС, "
    "или загрузите статьи из файла: searchsvc import ФАЙЛ.jsonl"
)
KINDS = {"wordpress": "WordPress", "import": "из файлов"}


@click.group("source", cls=Group)
def source() -> None:
    """Источники: добавить сайт, показать список, убрать.

    \b
    Пример:
      searchsvc source add https://iro.example.ru
      searchsvc source list
    """
    show_help()


@source.command("add")
@click.argument("url", metavar="АДРЕС")
@click.option("--title", default="", metavar="НАЗВАНИЕ", help="Как подписывать статьи (иначе название сайта)")
@click.option(
    "--delay",
    metavar="СЕКУНД",
    callback=number(0, 60, whole=False),
    help="Пауза между запросами к сайту (иначе SEARCHSVC_CRAWL_DELAY)",
)
@click.option(
    "--allow-private",
    is_flag=True,
    help="Разрешить внутренние адреса: сайт в своей сети или на этом компьютере",
)
@with_settings
def add(settings: Settings, url: str, title: str, delay: float | None, allow_private: bool) -> None:
    """Добавить сайт на WordPress (или изменить уже добавленный).

    Сайт проверяется, но статьи ещё не собираются: это делает searchsvc crawl.

    \b
    Пример:
      searchsvc source add https://iro.example.ru
      searchsvc source add http://localhost:8081 --allow-private --title "Наш сайт"
    """
    from indexer.crawl import add_source
    from searchsvc.bootstrap import open_archive

    pause = settings.crawl_delay if delay is None else delay
    with open_archive(settings) as archive:
        workshop = workshop_of(settings, archive)
        with workshop.fetcher(delay=pause, allow_private=allow_private) as fetcher, progress() as shown:
            shown("Проверка сайта", 0, None)
            made = add_source(
                archive, url, fetcher=fetcher, allow_private=allow_private, delay=pause, title=title
            )
    say(f"Источник добавлен: {made.id} — «{made.title}» ({KINDS.get(made.kind, made.kind)}).")
    say(f"Собрать статьи: searchsvc crawl {made.id}")


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="Вывести JSON")
@with_settings
def list_sources(settings: Settings, as_json: bool) -> None:
    """Показать источники и сколько статей от каждого.

    Когда и чем закончился последний обход, показывает searchsvc status.

    \b
    Пример:
      searchsvc source list
      searchsvc source list --json
    """
    found: list[tuple[Source, int]] = []
    if is_there(settings.archive_address):
        with archive_of(settings) as archive:
            found = [(each, archive.count(each.id)) for each in archive.sources()]
    if as_json:
        dump([source_json(each, count) for each, count in found])
        return
    if not found:
        say(NONE_YET)
    for each, count in found:
        say(each.id)
        say(f"  {each.title or each.id} — {KINDS.get(each.kind, each.kind)}, {articles(count)}")
        say(f"  {each.url}")


def source_json(source: Source, count: int) -> dict[str, Any]:
    """Return a source as ``--json`` shows it."""
    return {
        "id": source.id,
        "url": source.url,
        "kind": source.kind,
        "title": source.title,
        "allow_private": source.allow_private,
        "delay": source.delay,
        "added": source.added.isoformat() if source.added else None,
        "articles": count,
    }


@source.command("remove")
@click.argument("name", metavar="ИСТОЧНИК")
@click.option("--yes", is_flag=True, help="Не переспрашивать")
@with_settings
def remove(settings: Settings, name: str, yes: bool) -> None:
    """Убрать источник и его статьи из архива и из поиска.

    Уничтожить и прежние редакции статьи может только searchsvc purge.

    \b
    Пример:
      searchsvc source remove iro.example.ru
    """
    with archive_of(settings) as archive:
        known = archive.source(name)
        count = archive.count(known.id)
        if not yes and not confirmed(f"Убрать источник {known.id} и {articles(count)}?"):
            note("Ничего не изменено.")
            return
        gone = archive.remove_source(known.id)
    say(f"Источник {known.id} убран, с ним {articles(gone)}.")
    tell_index(in_step(settings))

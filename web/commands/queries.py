"""``searchsvc queries``: what readers look for, and what of it they do not find."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from searchsvc.language.text import DIRECTIONS, clean
from web.commands.base import Command, number, with_settings
from web.console import dump, say
from web.words import articles, counted, cut, grouped

if TYPE_CHECKING:
    from searchsvc.settings import Settings
    from web.querylog import QueryCount

DAYS = 30
LIMIT = 20
WIDTH = 46
"""Letters of a query shown in a row."""


@click.command("queries", cls=Command)
@click.option("--days", metavar="N", callback=number(1, 3650), help=f"За сколько последних дней ({DAYS})")
@click.option(
    "--limit", metavar="N", callback=number(1, 1000), help=f"Сколько строк в каждом списке ({LIMIT})"
)
@click.option("--json", "as_json", is_flag=True, help="Вывести JSON")
@with_settings
def queries(settings: Settings, days: int | None, limit: int | None, as_json: bool) -> None:
    """Показать, что читатели ищут чаще всего и чего не находят.

    «Не находят» — это запросы, на которые ни одна статья не отвечает целиком. Помогут статья на эту тему
    или строка в своём файле синонимов (searchsvc synonyms). Поиск с выбранными датами, разделом или
    источником не считается: это уточнение, а не новый запрос. Журнал ведут сайт и API; адресов и имён
    читателей в нём нет.

    \b
    Пример:
      searchsvc queries
      searchsvc queries --days 7 --limit 50
    """
    from sqlalchemy.exc import SQLAlchemyError

    from corpus.errors import SearchServiceError
    from web.querylog import QueryLog

    days, limit = days or DAYS, limit or LIMIT
    found: Sequence[QueryCount] = ()
    missed: Sequence[QueryCount] = ()
    if settings.query_log_path.exists():
        log = QueryLog(settings.query_log_path)
        since = datetime.now(UTC) - timedelta(days=days)
        try:
            found, missed = log.top(since, limit), log.without_results(since, limit)
        except SQLAlchemyError as error:
            raise SearchServiceError(
                f"Журнал запросов «{settings.query_log_path}» не читается. Удалите файл: сайт начнёт новый."
            ) from error
    if as_json:
        dump(
            {"days": days, "top": [_json(each) for each in found], "missed": [_json(each) for each in missed]}
        )
        return
    if not found:
        say(f"За последние {counted(days, 'день', 'дня', 'дней')} запросов в журнале нет.")
        if not settings.query_log:
            say("Журнал выключен: включите его настройкой query_log (SEARCHSVC_QUERY_LOG=true).")
        return
    _tell(f"Чаще всего ищут (дней: {days})", found)
    say()
    if missed:
        _tell("Не находят", missed)
    else:
        say("На все запросы есть статьи.")


def _json(count: QueryCount) -> dict[str, object]:
    return {
        "query": count.query,
        "count": count.count,
        "total": count.total,
        "near_total": count.near_total,
        "last": count.last.isoformat(timespec="seconds"),
    }


def _tell(title: str, counts: Sequence[QueryCount]) -> None:
    say(f"{title}:")
    for each in counts:
        # What visitors typed may hold characters that command a terminal.
        query = cut(clean(DIRECTIONS.sub("", each.query)), WIDTH)
        say(f"  {grouped(each.count):>6}  {query:<{WIDTH}}  {_answered(each)}")


def _answered(count: QueryCount) -> str:
    if count.total:
        return articles(count.total)
    return f"целиком ничего, похожего: {grouped(count.near_total)}" if count.near_total else "ничего"

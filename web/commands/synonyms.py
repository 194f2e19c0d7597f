"""``searchsvc synonyms``: which abbreviations and synonyms are in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.commands.base import Command, with_settings
from web.console import say
from web.words import counted

if TYPE_CHECKING:
    from searchsvc.analysis import Analyzer
    from searchsvc.settings import Settings
    from searchsvc.synonyms import Synonyms


@click.command("synonyms", cls=Command)
@click.argument("text", nargs=-1, metavar="[ЗАПРОС]")
@with_settings
def synonyms(settings: Settings, text: tuple[str, ...]) -> None:
    """Проверить списки сокращений и синонимов, показать, чем они дополняют ЗАПРОС.

    Готовый список входит в программу. Свой файл задаёт настройка synonyms (SEARCHSVC_SYNONYMS). Строка
    файла: ЕГЭ = единый государственный экзамен | другая форма. Такая же левая часть, как в готовом списке,
    заменяет его строку, пустая правая отключает её. Правки действуют сразу, перестраивать индекс не нужно.

    \b
    Пример:
      searchsvc synonyms
      searchsvc synonyms результаты ЕГЭ
    """
    from searchsvc.analysis import Analyzer
    from searchsvc.bootstrap import open_synonyms

    analyzer = Analyzer()
    found = open_synonyms(settings, analyzer).read()
    if text:
        _tell_query(" ".join(text), found, analyzer)
    else:
        _tell_lists(settings, found)


def _tell_query(text: str, found: Synonyms, analyzer: Analyzer) -> None:
    tokens = [token for token in analyzer.tokens(text) if not token.whole]
    alternatives = list(found.alternatives(tokens))
    for other in alternatives:
        typed = " ".join(token.form for token in tokens[other.first : other.last + 1])
        say(f"{typed} = {other.text}")
    if not alternatives:
        say(f"Для запроса «{text}» в списках ничего нет: ищутся только сами слова.")


def _tell_lists(settings: Settings, found: Synonyms) -> None:
    from searchsvc.synonyms import packaged_entries

    packaged = packaged_entries()
    say(f"Готовый список: {counted(len(packaged), 'строка', 'строки', 'строк')}.")
    if not settings.synonyms:
        say("Своего файла нет. Задайте его настройкой synonyms или переменной SEARCHSVC_SYNONYMS.")
        return
    own = {name: entry for name, entry in found.entries.items() if packaged.get(name) != entry}
    say(
        f"Свой файл {Path(settings.synonyms)}: "
        f"добавлено {sum(name not in packaged for name in own)}, "
        f"заменено {sum(name in packaged and bool(entry.full) for name, entry in own.items())}, "
        f"отключено {sum(not entry.full for entry in own.values())}."
    )

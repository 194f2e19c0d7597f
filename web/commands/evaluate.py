"""``searchsvc evaluate``: judged sets through the product's own pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from web.commands.base import Command, Group, one_of, show_help
from web.console import dump, note, progress, say

if TYPE_CHECKING:
    from searchsvc.evaluation import Figures
    from searchsvc.floors import Measured


def _compared(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of what can be compared: by item, with plain rankings, with an earlier run."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Вывести один объект JSON"),
        click.option("--per-query", is_flag=True, help="Показать значение каждого запроса (текста)"),
        click.option(
            "--against",
            type=click.Path(path_type=Path),
            metavar="ФАЙЛ",
            help="Сравнить с прошлым прогоном: его вывод с --json --per-query",
        ),
        click.option(
            "--compare",
            is_flag=True,
            help="Поставить рядом простые способы: слова как есть, основы Snowball, первая лемма",
        ),
    ):
        command = option(command)
    return command


def _with_floors(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of floors."""
    for option in (
        click.option("--lower-floors", is_flag=True, help="Опустить границы, если значения стали ниже"),
        click.option(
            "--floors",
            type=click.Path(path_type=Path),
            metavar="ФАЙЛ",
            help="Не пускать значения ниже границ в файле; нет его — записать, стало лучше — поднять",
        ),
    ):
        command = option(command)
    return command


@click.group("evaluate", cls=Group)
def evaluate() -> None:
    """Измерить качество поиска по набору с оценками, сравнить движки.

    Работает во временной папке, архив не трогает, сеть не нужна. Для оценок (evaluate search) нужен
    дополнительный набор: pip install 'searchsvc[evaluate]'.

    \b
    Пример:
      searchsvc evaluate search ./набор --json
      searchsvc evaluate engines
    """
    show_help()


@evaluate.command("search", cls=Command)
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[ПАПКА]")
@click.option("--queries", type=click.Path(path_type=Path), metavar="ФАЙЛ", help="Другой файл запросов")
@click.option("--engine", default="whoosh", metavar="ИМЯ", help="Поисковый движок: whoosh или tantivy")
@click.option(
    "--correct",
    default="auto",
    metavar="auto|suggest|off",
    callback=one_of("auto", "suggest", "off"),
    help="Исправлять запросы, предлагать или нет",
)
@_compared
@_with_floors
def search(
    folder: Path | None,
    queries: Path | None,
    as_json: bool,
    floors: Path | None,
    lower_floors: bool,
    **options: Any,
) -> None:
    """Проиндексировать набор в раскладке BEIR, ответить на его запросы и оценить ответы.

    Без ПАПКИ берётся пример архива с его запросами. В ПАПКЕ лежат corpus.jsonl {_id, title, text,
    published?, tags?}, queries.jsonl {_id, text, kind?} и qrels.tsv (или qrels/test.tsv). Значения —
    доли от 0 до 1 и миллисекунды: nDCG@10 — верны ли первые десять и в том ли порядке, MRR@10 — как высоко
    первый верный ответ, recall@100 — сколько верных среди первых ста, success@10 — есть ли верный среди
    десяти, тупики — запросы совсем без ответа.

    \b
    Пример:
      searchsvc evaluate search ./набор --compare
      searchsvc evaluate search ./набор --queries ./набор/queries-noisy.jsonl --json --per-query > было.json
      searchsvc evaluate search ./набор --queries ./набор/queries-noisy.jsonl --against было.json
      searchsvc evaluate search ./набор --floors границы.json
    """
    from indexer.evaluate import evaluate_search, judged_set
    from searchsvc.evaluation import read_judged
    from searchsvc.floors import measured_search
    from web.commands.evaluate_told import search_told

    with judged_set(folder) as place:
        with progress() as shown:
            figures = evaluate_search(place, queries=queries, progress=shown, **options)
        texts = {query.id: query.text for query in read_judged(place, queries).queries}
    if as_json:
        dump(figures)
    else:
        for line in search_told(figures, texts):
            say(line)
    _held(floors, figures, measured_search(figures), lower=lower_floors)


@evaluate.command("similar", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), metavar="ПАПКА")
@_compared
@_with_floors
def similar(folder: Path, as_json: bool, floors: Path | None, lower_floors: bool, **options: Any) -> None:
    """Оценить «Похожие записи» по парам текстов: об одном и том же они или нет.

    В ПАПКЕ лежат docs.jsonl {_id, title, text, published?, tags?} и pairs.tsv (a, b, same: 1 или 0).
    MRR — как высоко среди всех текстов стоит второй текст пары (MRR первой — ближайшая из пар текста),
    лучшая F1 и AUC — отделяет ли близость пары об одном и том же от остальных. Значения — доли от 0 до 1.

    \b
    Пример:
      searchsvc evaluate similar ./набор --compare
      searchsvc evaluate similar ./набор --json --per-query > было.json
      searchsvc evaluate similar ./набор --against было.json
    """
    from indexer.evaluate_similar import evaluate_similar
    from searchsvc.floors import measured_similar
    from web.commands.evaluate_told import similar_told

    with progress() as shown:
        figures = evaluate_similar(folder, progress=shown, **options)
    if as_json:
        dump(figures)
    else:
        for line in similar_told(figures):
            say(line)
    _held(floors, figures, measured_similar(figures), lower=lower_floors)


@evaluate.command("corrections", cls=Command)
@click.argument("path", type=click.Path(path_type=Path), metavar="ФАЙЛ")
@click.option("--words", type=click.Path(path_type=Path), metavar="ФАЙЛ", help="Слова архива: слово, число")
@click.option("--json", "as_json", is_flag=True, help="Вывести один объект JSON")
def corrections(path: Path, words: Path | None, as_json: bool) -> None:
    """Исправить слова и запросы набора и измерить, как часто выходит то, что имели в виду.

    ФАЙЛ — таблица через табуляцию с заголовком: typed и wanted или wrong и right, перед ними может
    стоять kind. Первое — у скольких строк нужное стоит первым среди предложенных, среди пяти — у скольких
    оно есть. Где столбцы одинаковы, исправлять нечего: испорчено — сколько таких строк изменилось.
    Слова архива заменяет таблица word, count (--words); без неё это слова, которые нужны.

    \b
    Пример:
      searchsvc evaluate corrections опечатки.tsv --words слова.tsv
      searchsvc evaluate corrections раскладка.tsv --words слова.tsv --json
    """
    from indexer.evaluate_corrections import evaluate_corrections
    from web.commands.evaluate_told import corrections_told

    with progress() as shown:
        figures = evaluate_corrections(path, words=words, progress=shown)
    if as_json:
        dump(figures)
        return
    for line in corrections_told(figures):
        say(line)


@evaluate.command("engines", cls=Command)
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[ПАПКА]")
@click.option("--queries", type=click.Path(path_type=Path), metavar="ФАЙЛ", help="Другой файл запросов")
@click.option("--below", default=0.8, metavar="ДОЛЯ", help="Объяснить запросы, где совпадение меньше (0.8)")
@click.option("--json", "as_json", is_flag=True, help="Вывести один объект JSON")
def engines(folder: Path | None, queries: Path | None, below: float, as_json: bool) -> None:
    """Сравнить ответы движков Whoosh и Tantivy на одни и те же запросы.

    Без ПАПКИ берётся пример архива с его запросами, иначе набор в раскладке BEIR (как в evaluate
    search). Если запросов меньше 200, они дополняются заголовками, словами и фразами самих статей.
    Совпадение первых 20 статей измеряется долей от 0 до 1 (rank-biased overlap, p = 0,9): у всего
    поиска и у движка отдельно. О каждом запросе, где оно меньше 0,8 (--below), сказано, что поменялось.

    \b
    Пример:
      searchsvc evaluate engines
      searchsvc evaluate engines ./набор --json
    """
    from indexer.agreement import compare_engines

    with progress() as shown:
        figures = compare_engines(folder, queries=queries, alike=below, progress=shown)
    if as_json:
        dump(figures)
    else:
        _tell_agreement(figures, below)


_HELD = {
    "written": "Нижние границы записаны",
    "raised": "Нижние границы подняты",
    "lowered": "Нижние границы опущены",
    "held": "Не ниже границ",
}


def _held(path: Path | None, figures: Figures, measured: Measured, *, lower: bool) -> None:
    """Hold figures against the floors in a file, if there is one to be held."""
    from searchsvc.floors import hold

    if path is not None:
        note(f"{_HELD[hold(path, figures['set'], measured, lower=lower)]}: {path}")
    elif lower:
        raise click.UsageError("--lower-floors опускает границы из файла --floors, а он не указан.")


_LEVELS = {"search": "весь поиск", "engine": "сам движок"}


def _tell_agreement(figures: Figures, below: float) -> None:
    from indexer.agreement import FIRST
    from web.words import counted

    made = figures["queries"] - figures["judged"]
    number = counted(figures["queries"], "запрос", "запроса", "запросов")
    say(
        f"{' и '.join(figures['engines'])}: {number}"
        + (f", из них {made} составлены из статей" if made else "")
    )
    for level, words in _LEVELS.items():
        mean, least = figures[level], figures["least"][level]
        say(f"{words}: первые {FIRST} совпадают на {mean:.4f} в среднем, на {least:.4f} в худшем случае")
    if not figures["unlike"]:
        say(f"Ниже {below}: ни одного")
    for row in figures["unlike"]:
        say(f"{row['rbo']:.4f}  {_LEVELS[row['level']]}  {row['query']} — {row['why']}")

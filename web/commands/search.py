"""``searchsvc query`` and ``searchsvc analyse``: what the search finds, and how it sees words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from corpus.errors import SearchServiceError
from web.commands.base import Command, with_settings
from web.console import dump, note, say
from web.words import counted

if TYPE_CHECKING:
    from searchsvc.language.analysis import Analyzer, Token
    from searchsvc.results import Hit, ResultPage, Segment
    from searchsvc.settings import Settings
    from web.forms import ApiRequest, ParameterError

# What looks like an option and is none belongs to the query: «-слово».
FREE_TEXT = {"ignore_unknown_options": True}


class BadOptionsError(SearchServiceError):
    """Options of a query that the API would refuse."""

    exit_code = 2

    def __init__(self, error: ParameterError, command: str = "query") -> None:
        problems = "; ".join(
            f"--{problem.parameter.replace('_', '-')}: {problem.reason}" for problem in error.problems
        )
        super().__init__(f"Запрос составлен неверно: {problems}. Справка: searchsvc {command} --help")


def narrowing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of a search: its order, dates, filters and what may be corrected."""
    several = "можно несколько раз"
    options = (
        click.option(
            "--sort", metavar="ПОРЯДОК", help="relevance (по умолчанию), -date: сначала новые, date: старые"
        ),
        click.option("--from", metavar="ГГГГ-ММ-ДД", help="Опубликовано не раньше этого дня"),
        click.option("--to", metavar="ГГГГ-ММ-ДД", help="Опубликовано не позже этого дня"),
        click.option("--source", multiple=True, metavar="ИСТОЧНИК", help=f"Только из него; {several}"),
        click.option("--category", multiple=True, metavar="РАЗДЕЛ", help=f"Только из раздела; {several}"),
        click.option("--tag", multiple=True, metavar="МЕТКА", help=f"Только с меткой; {several}"),
        click.option("--year", multiple=True, metavar="ГГГГ", help=f"Только за год; {several}"),
        click.option("--person", multiple=True, metavar="ИМЯ", help=f"Где назван этот человек; {several}"),
        click.option(
            "--organisation", multiple=True, metavar="ИМЯ", help=f"Где названа эта организация; {several}"
        ),
        click.option("--place", multiple=True, metavar="МЕСТО", help=f"Где названо это место; {several}"),
        click.option("--fold", metavar="true|false", help="Сворачивать перепечатки одного текста (true)"),
        click.option(
            "--correct", metavar="auto|suggest|off", help="Исправлять запрос самим, предлагать или нет"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("query", cls=Command, context_settings=FREE_TEXT)
@click.argument("text", nargs=-1, required=True, metavar="ЗАПРОС")
@click.option("--json", "as_json", is_flag=True, help="Вывести ответ API")
@click.option("--page", metavar="N", help="Страница результатов, с единицы")
@click.option("--per-page", metavar="N", help="Результатов на странице, от 1 до 100 (иначе 10)")
@click.option("--facets", metavar="ПОЛЯ", help="Что посчитать (в ответе --json): category,year,person…")
@narrowing
@with_settings
def query(settings: Settings, /, text: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Найти статьи: то же, что на сайте и в API.

    Язык запросов: "слова подряд", !точная_форма, -исключить, ИЛИ, заголовок:слово.

    \b
    Пример:
      searchsvc query наставничество
      searchsvc query '"итоги ЕГЭ" -пробный' --sort -date --from 2022-01-01
      searchsvc query Образовfybt --json
    """
    from searchsvc.bootstrap import open_service
    from searchsvc.language.analysis import Analyzer

    asked = asked_for("query", text, options)
    service, live = open_service(settings, Analyzer())
    try:
        readiness = service.readiness()
        page = service.search(asked.search)
        if readiness.degraded:
            note(f"Внимание: {readiness.reason}")
    finally:
        live.close()
    if as_json:
        _dump_answer(settings, page, asked)
    else:
        _tell(page)


def asked_for(command: str, text: tuple[str, ...], options: dict[str, Any]) -> ApiRequest:
    """Read what was asked of *command* as the API would."""
    from web.forms import ParameterError, read_api

    refuse_mistyped(text)
    try:
        return read_api(_parameters(" ".join(text), options))
    except ParameterError as error:
        raise BadOptionsError(error, command) from error


def refuse_mistyped(words: tuple[str, ...]) -> None:
    """Refuse what looks like an option that there is not."""
    mistyped = next((word for word in words if word.startswith("--")), None)
    if mistyped:
        raise click.NoSuchOption(mistyped, ctx=click.get_current_context())


def _parameters(text: str, options: dict[str, Any]) -> Any:
    """Return the query as the API would get it."""
    from werkzeug.datastructures import MultiDict

    given: dict[str, Any] = {name: value for name, value in options.items() if value}
    return MultiDict(given | {"q": text})


def _dump_answer(settings: Settings, page: ResultPage, asked: ApiRequest) -> None:
    from web.shapes import Links, result_json

    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    dump(result_json(page, asked, Links(base)))


def _tell(page: ResultPage) -> None:
    if page.corrections:
        read = "Показаны результаты по запросу" if page.total else "Запрос прочитан как"
        say(f"{read} «{page.effective}».")
    for suggestion in page.suggestions:
        say(f"Возможно, вы искали: {suggestion}")
    if page.total:
        say(f"Найдено: {counted(page.total, 'статья', 'статьи', 'статей')}.")
    else:
        lacking = "нет полных совпадений" if page.near_total else "ничего не найдено"
        say(f"По запросу «{page.effective}» {lacking}.")
    if page.near_total:
        say(f"Похожих, где есть не все слова: {page.near_total}.")
    for found in page.words:
        say(f"  {found.word} — встречается в {counted(found.count, 'статье', 'статьях', 'статьях')}")
    for number, hit in enumerate(page.hits, (page.page - 1) * page.per_page + 1):
        say()
        _tell_hit(number, hit)
    if page.page < page.pages:
        say(f"\nСтраница {page.page} из {page.pages}. Дальше: --page {page.page + 1}")


def _tell_hit(number: int, hit: Hit) -> None:
    from web.words import long_date, reprinted

    say(f"{number}. {marked(hit.title)}")
    about = [long_date(hit.published) if hit.published else "", hit.source_title, ", ".join(hit.categories)]
    say(f"   {' · '.join(filter(None, about))}")
    if hit.missing:
        say(f"   без слов: {', '.join(hit.missing)}")
    if hit.snippet:
        say(f"   {marked(hit.snippet)}")
    say(f"   {hit.original}")
    if hit.reprint_count:
        say(f"   {reprinted(hit)}:")
    for reprint in hit.reprints:
        say(f"     {' · '.join(filter(None, (reprint.source_title, reprint.title, reprint.id)))}")
    if rest := hit.reprint_count - len(hit.reprints):
        say(f"     … и ещё {rest}; все — на сайте: /articles/{hit.id}/reprints")


def marked(segments: Iterable[Segment]) -> str:
    """Return the text with matches in bold; click leaves that out where nobody looks."""
    return "".join(click.style(each.text, bold=True) if each.match else each.text for each in segments)


@click.command("analyse", cls=Command, context_settings=FREE_TEXT)
@click.argument("text", nargs=-1, metavar="[ТЕКСТ]")
@click.option("--json", "as_json", is_flag=True, help="Вывести JSON: [{position, start, stop, form, lemmas}]")
@with_settings
def analyse(settings: Settings, text: tuple[str, ...], as_json: bool) -> None:
    """Показать, на какие слова и леммы разбирается текст.

    Без ТЕКСТА читает стандартный ввод, по тексту на строке, и на каждую печатает массив JSON.

    \b
    Пример:
      searchsvc analyse "Учебно-методический совет утвердил приказ 273-ФЗ"
      searchsvc analyse --json < texts.txt
    """
    from searchsvc.language.analysis import Analyzer

    analyzer = Analyzer()
    if not text:
        for number, line in enumerate(sys.stdin.buffer):
            decoded = line.decode("utf-8-sig" if number == 0 else "utf-8", errors="replace")
            say(json.dumps(_tokens(analyzer, decoded.rstrip("\r\n")), ensure_ascii=False))
    elif as_json:
        say(json.dumps(_tokens(analyzer, " ".join(text)), ensure_ascii=False))
    else:
        for token in analyzer.tokens(" ".join(text)):
            say(f"{token.position:>4}  {token.start:>4}–{token.stop:<4}  {token.form}  →  {_lemmas(token)}")


def _lemmas(token: Token) -> str:
    return ", ".join(token.lemmas)


def _tokens(analyzer: Analyzer, text: str) -> list[dict[str, Any]]:
    return [
        {
            "position": token.position,
            "start": token.start,
            "stop": token.stop,
            "form": token.form,
            "lemmas": list(token.lemmas),
        }
        for token in analyzer.tokens(text)
    ]

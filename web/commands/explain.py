"""``searchsvc explain``: why an article stands where it does in an answer, or is not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click

from corpus.errors import SearchServiceError
from web.commands.base import Command, with_settings
from web.commands.search import FREE_TEXT, asked_for, marked, narrowing, refuse_mistyped
from web.console import dump, note, say
from web.words import adding_up, counted, decimal, grouped, long_date, plural

if TYPE_CHECKING:
    from searchsvc.results import Explanation, SearchRequest, WordFound
    from searchsvc.search import SearchService
    from searchsvc.settings import Settings

_OUR_PAGE = re.compile(r"/articles/([^/?#]+)")
_KINDS = {"layout": "другая раскладка", "translit": "латинские буквы", "glued": "слитно написанные слова"}
_PLACES = {"title": "заголовок", "lead": "лид", "body": "текст", "tags": "метки", "date": "дата"}
_STATES = {
    "exact": "в той же форме",
    "form": "в другой форме",
    "synonym": "самого слова нет, есть синоним",
    "kin": "самого слова нет, есть родственные",
    "absent": "нет",
}


class NotIndexedError(SearchServiceError):
    """The article to be explained is not in the published index."""

    def __init__(self, article: str, *, archived: bool) -> None:
        super().__init__(
            f"Статья «{article}» есть в архиве, но не в индексе. Обновите его: searchsvc sync"
            if archived
            else f"Статьи «{article}» в индексе нет. Проверьте идентификатор или адрес: "
            "их показывает searchsvc query"
        )
        self.article = article


@click.command("explain", cls=Command, context_settings=FREE_TEXT)
@click.argument("text", nargs=-1, required=True, metavar="ЗАПРОС")
@click.argument("article", metavar="СТАТЬЯ")
@click.option("--json", "as_json", is_flag=True, help="Вывести один объект JSON")
@narrowing
@with_settings
def explain(
    settings: Settings, /, text: tuple[str, ...], article: str, as_json: bool, **options: Any
) -> None:
    """Объяснить, почему СТАТЬЯ стоит в ответе на ЗАПРОС на своём месте или почему её там нет.

    СТАТЬЯ — идентификатор или адрес: на сайте источника или страница нашего сайта. Видно, какие слова
    где нашлись, сколько дала каждая часть оценки, что исправлено в запросе и чего статье не хватило.

    \b
    Пример:
      searchsvc explain наставничество в школах a019
      searchsvc explain '"итоги ЕГЭ" -пробный' https://iro.example.ru/2024/05/itogi/ --from 2022-01-01
    """
    from searchsvc.bootstrap import open_service
    from searchsvc.language.analysis import Analyzer

    refuse_mistyped((article,))
    asked = asked_for("explain", text, options).search
    if not asked.text:
        raise click.UsageError("Не указано: ЗАПРОС.", click.get_current_context())
    service, live = open_service(settings, Analyzer())
    try:
        readiness = service.readiness()
        explanation = _explained(service, settings, asked, article.strip())
        if readiness.degraded:
            note(f"Внимание: {readiness.reason}")
    finally:
        live.close()
    if as_json:
        dump(_json(explanation))
    else:
        _tell(explanation)


def _explained(service: SearchService, settings: Settings, asked: SearchRequest, article: str) -> Explanation:
    """Explain the article that goes by the name *article* in the index, on our site or in the archive."""
    from searchsvc.errors import NotFoundError

    for name, archived in _names(settings, article):
        try:
            return service.explain(asked, name)
        except NotFoundError as error:
            if archived:
                raise NotIndexedError(article, archived=True) from error
    raise NotIndexedError(article, archived=False)


def _names(settings: Settings, article: str) -> Iterator[tuple[str, bool]]:
    """Yield what the index may know an article by, with whether the archive says so."""
    from corpus.errors import UnknownArticleError
    from web.commands.work import archive_of, is_there

    yield article, False
    if page := _OUR_PAGE.search(article):
        yield unquote(page[1]), False
    if is_there(settings.archive_address):
        with archive_of(settings) as archive:
            try:
                yield archive.find(article), True  # by a former address, too
            except UnknownArticleError:
                return


def _json(explanation: Explanation) -> dict[str, Any]:
    from web.shapes import corrections_json, explanation_json

    published = explanation.published
    return {
        "query": {
            "original": explanation.asked,
            "effective": explanation.effective,
            "corrections": corrections_json(explanation.corrections),
            "suggestions": list(explanation.suggestions),
            "truncated": explanation.truncated,
        },
        "article": {
            "id": explanation.id,
            "original": explanation.original,
            "title": explanation.title,
            "published": published.isoformat() if published else None,
        },
        "total": explanation.total,
        "near_total": explanation.near_total,
        "rows": explanation.rows,
        "version": explanation.version,
        **explanation_json(explanation),
        "obstacles": [{"kind": one.kind, "text": one.text} for one in explanation.obstacles],
    }


def _tell(explanation: Explanation) -> None:
    say(click.style(explanation.title, bold=True))
    published = long_date(explanation.published) if explanation.published else ""
    say("  " + " · ".join(filter(None, [explanation.id, published, explanation.source_title])))
    say(f"  {explanation.original}\n")
    _tell_query(explanation)
    say()
    _tell_place(explanation)
    if explanation.parts:
        _tell_parts(explanation)
    if explanation.words:
        say("\nСлова запроса")
    for found in explanation.words:
        _tell_word(found, explanation.documents)


def _tell_query(explanation: Explanation) -> None:
    say(f"Запрос: {explanation.effective}")
    for made in explanation.corrections:
        say(f"  исправлено: {made.original} → {made.replacement} ({_KINDS.get(made.kind, made.kind)})")
    for suggestion in explanation.suggestions:
        say(f"  возможно, искали: {suggestion}")
    if explanation.ignored:
        say(f"  служебные слова не обязательны: {', '.join(explanation.ignored)}")
    if explanation.truncated:
        say("  запрос очень длинный: прочитано только его начало")


def _tell_place(explanation: Explanation) -> None:
    from searchsvc.answer.answering import RERANKED

    if explanation.place is None:
        say("В ответе этой статьи нет.")
    elif explanation.match == "near":
        lacks = ", ".join(explanation.missing)
        say(f"Место {explanation.place} из {explanation.rows}, среди похожих: не хватает: {lacks}.")
        whole = f"{explanation.total}; похожие идут после них" if explanation.total else "нет"
        say(f"Статей, где есть всё, что в запросе: {whole}.")
    else:
        say(f"Место {explanation.place} из {explanation.rows}: есть всё, что в запросе.")
        if explanation.rows != explanation.total:
            say(f"  {_counts(explanation)}")
    if (shown := explanation.folded_into) is not None:
        published = long_date(shown.published) if shown.published else ""
        where = ", ".join(filter(None, [shown.source_title or shown.source, published]))
        say(f"  На этом месте показана запись {shown.id} «{shown.title}» ({where}).")
        say("  Это тот же текст, и статья свёрнута под ней.")
    elif explanation.reprint_count:
        number = explanation.reprint_count
        same = counted(number, "публикация", "публикации", "публикаций")
        say(f"  Под ней {plural(number, 'свёрнута', 'свёрнуты', 'свёрнуто')} ещё {same} того же текста.")
    for obstacle in explanation.obstacles:
        say(f"  {obstacle.text}")
    if explanation.order == "engine":
        say(f"Дальше первых {RERANKED} порядок таков, как дал поисковый движок: на части он не делится.")
    elif explanation.order == "date":
        say("Порядок по дате: оценки нет.")


def _counts(explanation: Explanation) -> str:
    """Say why there are not as many places as articles that match in full."""
    from searchsvc.results import MAX_DEPTH

    whole = f"Статей, где есть всё: {grouped(explanation.total)}"
    if explanation.near_total:
        whole += f", похожих за ними: {explanation.near_total}"
    if explanation.rows == MAX_DEPTH:
        return f"{whole}; показываются первые {MAX_DEPTH} строк, перепечатки — одной строкой."
    if explanation.rows < explanation.total + explanation.near_total:
        return f"{whole}; перепечатки одного текста стоят одной строкой."
    return f"{whole}."


def _tell_parts(explanation: Explanation) -> None:
    from web.shapes import rounded

    values = adding_up([part.value for part in explanation.parts], 2)
    rows = [(part, value) for part, value in zip(explanation.parts, values, strict=True) if part.value]
    total = decimal(sum(values))
    labels = max(len(part.label) for part, _ in rows) if rows else 0
    width = max([len(total), *(len(decimal(value)) for _, value in rows)])
    say(f"\nОценка {total}, из чего она сложилась")
    for part, value in rows:
        words = ", ".join(
            share.word if share.value is None else f"{share.word} {decimal(share.value)}"
            for share in rounded(part, value, 2)
        )
        say(f"  {part.label:<{labels}}  {decimal(value):>{width}}  {words}".rstrip())


def _tell_word(found: WordFound, documents: int) -> None:
    whole = counted(documents, "статьи", "статей", "статей")
    known = f"есть в {grouped(found.articles)} из {whole}" if found.articles else f"нет ни в одной из {whole}"
    say(f"  {click.style(found.word, bold=True)}: {_STATES[found.state]} ({known})")
    if found.places:
        say("    где: " + ", ".join(f"{_PLACES[name]} {number}" for name, number in found.places))
    forms = [f"{one.form} ×{one.count}" for one in found.forms if one.form]
    if forms:
        say("    формы: " + ", ".join(forms))
    if found.shown:
        say(f"    «{marked(found.shown)}»")

"""The JSON API under ``/api/v1``; how its answers look is in ``web.shapes``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.utils import get_current_url

from searchsvc.errors import BadRequestError, GenerationError, NotFoundError
from searchsvc.results import SHOWN_REPRINTS
from web.answers import made_from
from web.forms import (
    ParameterError,
    Problem,
    read_api,
    read_limit,
    read_paging,
    read_suggest,
)
from web.querylog import entry
from web.shapes import Json, Links, article_json, reprints_json, result_json, similar_json, suggest_json

if TYPE_CHECKING:
    from searchsvc.search import SearchService

PROBLEM_TYPE = "application/problem+json"

SIMILAR_DEFAULT = 5
SIMILAR_MOST = 20

SUGGEST_DEFAULT = 8
SUGGEST_MOST = 20

RETRY_AFTER = "30"
"""Seconds after which a missing or damaged index is worth another try."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Retry-After",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}

NO_EXPLAIN = (
    "Объяснения ответов на этом сайте выключены. Администратор может включить их настройкой explain "
    "(SEARCHSVC_EXPLAIN=on). Без explain=true этот запрос будет выполнен."
)

_TITLES = {
    400: "Запрос составлен неверно",
    403: "Не разрешено",
    404: "Не найдено",
    405: "Метод не поддерживается",
    422: "Запрос не имеет смысла",
    500: "Внутренняя ошибка",
    503: "Поиск временно недоступен",
}
_DETAILS = {
    400: "Запрос прочитать не удалось.",
    404: "По этому адресу ничего нет. Есть search, suggest, articles/{id}, articles/{id}/similar "
    "и articles/{id}/reprints.",
    405: "Этот адрес отвечает только на GET, HEAD и OPTIONS.",
    500: "Что-то сломалось у нас. Ошибка записана в журнал сервера.",
    503: "Поисковый индекс сейчас недоступен. Повторите запрос через полминуты.",
}


def problem(
    status: int,
    detail: str = "",
    errors: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as RFC 9457 wants it; nothing of the inside is told."""
    body: Json = {
        "type": "about:blank",
        "title": _TITLES.get(status, HTTPStatus(status).phrase),
        "status": status,
        "detail": detail or _DETAILS.get(status, "Запрос выполнить не удалось."),
    }
    if named := [{"parameter": error.parameter, "reason": error.reason} for error in errors]:
        body["errors"] = named
    response = jsonify(body)
    response.status_code = status
    response.content_type = PROBLEM_TYPE
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def failure(error: Exception) -> Response:
    """Return the problem that answers *error*; whatever is not expected is a 500."""
    if isinstance(error, ParameterError):
        return problem(error.status, "Проверьте параметры запроса.", error.problems)
    if isinstance(error, BadRequestError):
        named = Problem(error.parameter, error.reason)
        return problem(422, "Проверьте параметры запроса.", [named])
    if isinstance(error, NotFoundError):
        return problem(404, "Статьи с таким идентификатором нет.")
    if isinstance(error, GenerationError):
        return problem(503, headers={"Retry-After": RETRY_AFTER})
    if isinstance(error, HTTPException) and error.code and error.code >= 400:
        kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
        return problem(error.code, headers=kept)
    return problem(500)


class Api:
    """The views of the API over a service."""

    def __init__(self, service: SearchService, *, explain: bool = False) -> None:
        self._service = service
        self._explain = explain

    def blueprint(self) -> Blueprint:
        """Return the routes, to be registered under ``PREFIX``."""
        routes = Blueprint("api", __name__)
        routes.add_url_rule("/search", view_func=self.search)
        routes.add_url_rule("/suggest", view_func=self.suggest)
        routes.add_url_rule("/articles/<article_id>", view_func=self.article)
        routes.add_url_rule("/articles/<article_id>/similar", view_func=self.similar)
        routes.add_url_rule("/articles/<article_id>/reprints", view_func=self.reprints)
        return routes

    def search(self) -> Response:
        """Answer a search."""
        asked = read_api(request.args)
        if asked.search.explain and not self._explain:
            return problem(403, NO_EXPLAIN, [Problem("explain", "объяснения на этом сайте выключены")])
        page = self._service.search(asked.search)
        made_from(page.version, entry("api", asked.search, page))
        body = result_json(page, asked, _links())
        response = jsonify(body)
        for name in ("prev", "next"):
            if address := body["links"][name]:
                response.headers.add("Link", f'<{address}>; rel="{name}"')
        return response

    def suggest(self) -> Response:
        """Answer with completions of what was typed."""
        asked, limit = read_suggest(request.args, default=SUGGEST_DEFAULT, most=SUGGEST_MOST)
        service = self._service.pinned()
        found = service.suggest(asked.text, limit, narrowed=asked)
        made_from(service.version())
        return jsonify(suggest_json(asked.text, found, _links(), version=service.version()))

    def article(self, article_id: str) -> Response:
        """Answer with an article."""
        read_none(request.args)
        article = self._service.article(article_id)
        made_from(article.version)
        return jsonify(article_json(article, _links()))

    def similar(self, article_id: str) -> Response:
        """Answer with the neighbours of an article."""
        limit = read_limit(request.args, default=SIMILAR_DEFAULT, most=SIMILAR_MOST)
        service = self._service.pinned()
        found = service.similar(article_id, limit)
        made_from(service.version())
        return jsonify(similar_json(article_id, found, _links(), version=service.version()))

    def reprints(self, article_id: str) -> Response:
        """Answer with the other articles that are the same text, page by page."""
        page, per_page = read_paging(request.args, default=SHOWN_REPRINTS)
        found = self._service.reprints(article_id, page, per_page)
        made_from(found.version)
        return jsonify(reprints_json(found, _links()))


def read_none(args: Mapping[str, str]) -> None:
    """Refuse any parameter.

    Raises:
        ParameterError: there are some.
    """
    if args:
        raise ParameterError(Problem(name, "здесь параметров нет") for name in sorted(args))


def _links() -> Links:
    return Links(_base(request.scheme, request.host, request.root_path))


@lru_cache(64)
def _base(scheme: str, host: str, root: str) -> str:
    """Return the site's address without a last slash, as ``request.url_root`` would each time anew."""
    return get_current_url(scheme, host, root).rstrip("/")

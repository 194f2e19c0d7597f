"""The JSON API under ``/api/v1``.

Shaping is pure: ``result_json`` and its neighbours turn values into dictionaries with a link
builder, so that ``searchsvc query --json`` prints what the API answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.utils import get_current_url

from corpus.codec import block_to_dict
from searchsvc.errors import BadRequestError, GenerationError, NotFoundError
from searchsvc.results import (
    ArticlePage,
    Explanation,
    Hit,
    PeriodOffer,
    Reprint,
    ResultPage,
    ScorePart,
    Segment,
    SimilarArticle,
    Suggestion,
    WordShare,
)
from web.answers import made_from
from web.forms import (
    RESULT_KEYS,
    ApiRequest,
    ParameterError,
    Problem,
    api_pairs,
    on_page,
    read_api,
    read_limit,
    read_suggest,
    written,
)
from web.nearby import nearby_json
from web.querylog import entry
from web.words import adding_up

if TYPE_CHECKING:
    from searchsvc.search import SearchService

PREFIX = "/api/v1"
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

SCORE_DIGITS = 4
"""After the point, of a score and its parts."""

Json = dict[str, Any]

_ONLY_IF_ANY = {"missing", "reprints", "reprint_count"}


@dataclass(frozen=True, slots=True)
class Links:
    """Builds addresses under *base*, the site's absolute address without a last slash."""

    base: str

    def article(self, article_id: str) -> str:
        """Return the address of our page of an article."""
        return f"{self.base}/articles/{quote(article_id, safe='')}"

    def api_article(self, article_id: str) -> str:
        """Return the address of an article in the API."""
        return f"{self.base}{PREFIX}/articles/{quote(article_id, safe='')}"

    def search(self, asked: ApiRequest) -> str:
        """Return the canonical address of a search in the API."""
        return written(f"{self.base}{PREFIX}/search", api_pairs(asked))

    def category(self, name: str) -> str:
        """Return the address of the page of a category."""
        return written(f"{self.base}/search", [("category", name)])


def result_json(page: ResultPage, asked: ApiRequest, links: Links) -> Json:
    """Return the answer to a search as the API gives it."""
    results = [hit_json(hit, links) for hit in page.hits]
    if asked.fields:
        results = [{key: result[key] for key in asked.fields if key in result} for result in results]
    for result, hit in zip(results, page.hits, strict=True):
        if hit.explanation is not None:
            result["explanation"] = explanation_json(hit.explanation)
    return {
        "query": {
            "original": page.original,
            "effective": page.effective,
            "corrections": [
                {"kind": made.kind, "from": made.original, "to": made.replacement}
                for made in page.corrections
            ],
        },
        "total": page.total,
        "near_total": page.near_total,
        "rows": page.rows,
        "page": page.page,
        "per_page": page.per_page,
        "took_ms": round(page.took_ms, 1),
        "version": page.version,
        "results": results,
        "facets": {
            facet.field: [
                {"value": bucket.value, "label": bucket.label, "count": bucket.count}
                for bucket in facet.buckets
            ]
            for facet in page.facets
        },
        "suggestions": list(page.suggestions),
        "period": period_json(page.period) if page.period else None,
        "nearby": nearby_json(page.nearby) if page.nearby else None,
        "related": [{"word": word.word, "total": word.count} for word in page.related],
        "links": {
            "self": links.search(asked),
            "next": _other_page(page, asked, links, page.page + 1),
            "prev": _other_page(page, asked, links, page.page - 1),
        },
    }


def period_json(offer: PeriodOffer) -> Json:
    """Return the period that a query names: what to ask for its articles alone, and their number."""
    return {
        "q": offer.text,
        "from": offer.since.isoformat(),
        "to": offer.until.isoformat(),
        "total": offer.total,
    }


def _other_page(page: ResultPage, asked: ApiRequest, links: Links, number: int) -> str | None:
    if not 1 <= number <= page.pages:
        return None
    return links.search(ApiRequest(on_page(asked.search, number), asked.fields))


def hit_json(hit: Hit, links: Links) -> Json:
    """Return one result; ``missing`` is there for near matches only, ``reprints`` and their count
    where articles are folded into it."""
    shaped = {
        "id": hit.id,
        "url": links.article(hit.id),
        "original": hit.original,
        "title": segments_json(hit.title),
        "snippet": segments_json(hit.snippet),
        "published": hit.published.isoformat() if hit.published else None,
        "modified": hit.modified.isoformat() if hit.modified else None,
        "source": hit.source,
        "categories": list(hit.categories),
        "tags": list(hit.tags),
        "score": round(hit.score, SCORE_DIGITS),
        "missing": list(hit.missing),
        "reprints": [reprint_json(reprint, links) for reprint in hit.reprints],
        "reprint_count": hit.reprint_count,
    }
    return {key: shaped[key] for key in RESULT_KEYS if key not in _ONLY_IF_ANY or shaped[key]}


def reprint_json(reprint: Reprint, links: Links) -> Json:
    """Return an article that is the same text as the result it is folded into."""
    return {
        "id": reprint.id,
        "url": links.article(reprint.id),
        "title": reprint.title,
        "published": reprint.published.isoformat() if reprint.published else None,
        "source": reprint.source,
        "source_title": reprint.source_title,
    }


def explanation_json(explanation: Explanation) -> Json:
    """Return why an article stands where it does; the parts add up to the score."""
    score = explanation.score
    values = adding_up([part.value for part in explanation.parts], SCORE_DIGITS)
    return {
        "match": explanation.match,
        "order": explanation.order,
        "place": explanation.place,
        **({"folded_into": explanation.folded_into} if explanation.folded_into else {}),
        "score": None if score is None else round(score, SCORE_DIGITS),
        "parts": [
            {
                "name": part.name,
                "label": part.label,
                "value": value,
                "words": [{"word": share.word, "value": share.value} for share in rounded(part, value)],
            }
            for part, value in zip(explanation.parts, values, strict=True)
        ],
        "words": [
            {
                "word": found.word,
                "state": found.state,
                "articles": found.articles,
                "places": dict(found.places),
                "forms": [{"form": one.form, "count": one.count, "same": one.same} for one in found.forms],
                "shown": segments_json(found.shown),
            }
            for found in explanation.words
        ],
        "missing": list(explanation.missing),
        "ignored": list(explanation.ignored),
        "documents": explanation.documents,
    }


def rounded(part: ScorePart, value: float, digits: int = SCORE_DIGITS) -> list[WordShare]:
    """Return what words gave to *part*, rounded so that it adds up to *value*."""
    gave = [share.value for share in part.words if share.value is not None]
    if len(gave) < len(part.words):
        return list(part.words)
    values = adding_up(gave, digits, value)
    return [WordShare(share.word, one) for share, one in zip(part.words, values, strict=True)]


def segments_json(segments: Iterable[Segment]) -> list[Json]:
    """Return text in pieces, each marked whether it matches."""
    return [{"text": segment.text, "match": segment.match} for segment in segments]


def article_json(article: ArticlePage, links: Links) -> Json:
    """Return an article with its body as typed blocks."""
    picture = article.picture
    return {
        "id": article.id,
        "url": links.article(article.id),
        "original": article.original,
        "title": article.title,
        "lead": article.lead,
        "body": [block_to_dict(block) for block in article.body],
        "published": article.published.isoformat() if article.published else None,
        "modified": article.modified.isoformat() if article.modified else None,
        "source": article.source,
        "source_title": article.source_title,
        "categories": list(article.categories),
        "tags": list(article.tags),
        "picture": {"url": picture.url, "alt": picture.alt} if picture else None,
        "version": article.version,
        "links": {
            "self": links.api_article(article.id),
            "similar": links.api_article(article.id) + "/similar",
        },
    }


def similar_json(article_id: str, found: Iterable[SimilarArticle], links: Links, *, version: str) -> Json:
    """Return the neighbours of an article, nearest first."""
    return {
        "id": article_id,
        "version": version,
        "results": [
            {
                "id": near.id,
                "url": links.article(near.id),
                "title": near.title,
                "published": near.published.isoformat() if near.published else None,
                "source": near.source,
                "score": round(near.score, 4),
                "reasons": list(near.reasons),
            }
            for near in found
        ],
        "links": {"self": links.api_article(article_id) + "/similar"},
    }


def suggest_json(query: str, found: Iterable[Suggestion], links: Links, *, version: str) -> Json:
    """Return completions; ``url`` is there for titles and categories, ``corrected`` where it is true."""
    shaped = []
    for one in found:
        row: Json = {"text": one.text, "kind": one.kind}
        if one.target:
            row["url"] = links.article(one.target) if one.kind == "title" else links.category(one.target)
        if one.corrected:
            row["corrected"] = True
        shaped.append(row)
    return {"query": query, "suggestions": shaped, "version": version}


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
    404: "По этому адресу ничего нет. Есть search, suggest, articles/{id} и articles/{id}/similar.",
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
        return routes

    def search(self) -> Response:
        """Answer a search."""
        asked = read_api(request.args)
        if asked.search.explain and not self._explain:
            return problem(403, NO_EXPLAIN, [Problem("explain", "объяснения на этом сайте выключены")])
        page = self._service.search(asked.search)
        made_from(page.version, entry("api", page))
        body = result_json(page, asked, _links())
        response = jsonify(body)
        for name in ("prev", "next"):
            if address := body["links"][name]:
                response.headers.add("Link", f'<{address}>; rel="{name}"')
        return response

    def suggest(self) -> Response:
        """Answer with completions of what was typed."""
        text, limit = read_suggest(request.args, default=SUGGEST_DEFAULT, most=SUGGEST_MOST)
        service = self._service.pinned()
        found = service.suggest(text, limit)
        made_from(service.version())
        return jsonify(suggest_json(text, found, _links(), version=service.version()))

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

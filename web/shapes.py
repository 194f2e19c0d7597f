"""Values as the JSON API gives them, and the addresses it names.

Shaping is pure: ``result_json`` and its neighbours turn values into dictionaries with a link builder, so that
``searchsvc query --json`` prints what the API answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from corpus.codec import block_to_dict
from searchsvc.results import (
    SHOWN_REPRINTS,
    ArticlePage,
    Correction,
    Explanation,
    Hit,
    PeriodOffer,
    Reprint,
    ReprintPage,
    ResultPage,
    ScorePart,
    Segment,
    SimilarArticle,
    Suggestion,
    WordShare,
)
from web.forms import RESULT_KEYS, ApiRequest
from web.links import api_pairs, on_page, written
from web.nearby import nearby_json
from web.words import adding_up

PREFIX = "/api/v1"

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
            "corrections": corrections_json(page.corrections),
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


def corrections_json(made: Iterable[Correction]) -> list[Json]:
    """Return what was changed in a query."""
    return [{"kind": one.kind, "from": one.original, "to": one.replacement} for one in made]


def period_json(offer: PeriodOffer) -> Json:
    """Return the period that a query names: what to ask for its articles alone, and their number.

    An open end is null.
    """
    return {
        "q": offer.text,
        "from": offer.since.isoformat() if offer.since else None,
        "to": offer.until.isoformat() if offer.until else None,
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
        **({"folded_into": explanation.folded_into.id} if explanation.folded_into else {}),
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
            "reprints": links.api_article(article.id) + "/reprints",
        },
    }


def reprints_json(found: ReprintPage, links: Links) -> Json:
    """Return a page of the articles that are the same text as one."""

    def at(number: int) -> str:
        pairs = [("page", str(number))] if number > 1 else []
        pairs += [("per_page", str(found.per_page))] if found.per_page != SHOWN_REPRINTS else []
        return written(links.api_article(found.id) + "/reprints", pairs)

    return {
        "id": found.id,
        "version": found.version,
        "total": found.total,
        "page": found.page,
        "per_page": found.per_page,
        "results": [reprint_json(reprint, links) for reprint in found.reprints],
        "links": {
            "self": at(found.page),
            "next": at(found.page + 1) if found.page < found.pages else None,
            "prev": at(found.page - 1) if 1 < found.page <= found.pages + 1 else None,
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

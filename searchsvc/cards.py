"""What a store holds of an article, as the values in which answers show it."""

from __future__ import annotations

from corpus.article import Article
from searchsvc.live import View
from searchsvc.results import ArticlePage, Hit, Reprint, Segment, SimilarArticle
from searchsvc.stored import Card


def hit_of(
    card: Card,
    view: View,
    *,
    title: tuple[Segment, ...],
    snippet: tuple[Segment, ...] = (),
    score: float = 0.0,
    missing: tuple[str, ...] = (),
    reprints: tuple[Reprint, ...] = (),
    reprint_count: int = 0,
) -> Hit:
    """Return a row of results."""
    return Hit(
        id=card.id,
        url=f"/articles/{card.id}",
        original=card.url,
        title=title,
        snippet=snippet,
        published=card.published,
        modified=card.modified,
        source=card.source,
        source_title=view.source_title(card.source),
        categories=card.categories,
        tags=card.tags,
        score=score,
        missing=missing,
        reprints=reprints,
        reprint_count=reprint_count,
    )


def reprint_of(card: Card, view: View) -> Reprint:
    """Return an article as its reprints name it."""
    return Reprint(
        id=card.id,
        url=f"/articles/{card.id}",
        title=card.title,
        published=card.published,
        source=card.source,
        source_title=view.source_title(card.source),
    )


def neighbour_of(card: Card, score: float, reasons: tuple[str, ...], view: View) -> SimilarArticle:
    """Return an article as the one it is similar to names it."""
    return SimilarArticle(
        id=card.id,
        title=card.title,
        published=card.published,
        source=card.source,
        source_title=view.source_title(card.source),
        score=score,
        reasons=reasons,
    )


def page_of(article: Article, view: View) -> ArticlePage:
    """Return the whole of an article."""
    source = view.generation.store.sources().get(article.source)
    return ArticlePage(
        id=article.id,
        original=article.url,
        title=article.title,
        lead=article.lead,
        body=article.body,
        published=article.published,
        modified=article.modified,
        source=article.source,
        source_title=view.source_title(article.source),
        source_url=source.url if source else "",
        categories=article.categories,
        tags=article.tags,
        picture=article.picture,
        version=view.version,
    )

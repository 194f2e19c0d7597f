"""Whoosh as its tutorial shows it: a field for each part, one lemma a word, more_like, groupedby."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from whoosh import analysis, fields, index, qparser, scoring

from corpus.article import Article
from searchsvc.analysis import Analyzer

_LEMMAS = Analyzer()


class FirstLemma(analysis.Filter):  # type: ignore[misc]
    """The most plausible lemma of each token, from a warm cache as ours has one."""

    def __call__(self, tokens: Iterable[Any]) -> Iterator[Any]:
        """Yield the tokens changed."""
        for token in tokens:
            token.text = _LEMMAS.lemmas(token.text)[0]
            yield token


class NaiveWhoosh:
    """An index of its own in *folder*."""

    def __init__(self, folder: Path) -> None:
        text = analysis.RegexTokenizer() | analysis.LowercaseFilter() | FirstLemma()
        schema = fields.Schema(
            id=fields.ID(unique=True, stored=True),
            title=fields.TEXT(analyzer=text, stored=True),
            lead=fields.TEXT(analyzer=text, stored=True),
            body=fields.TEXT(analyzer=text, stored=True),
            published=fields.DATETIME(stored=True, sortable=True),
            category=fields.KEYWORD(commas=True, stored=True, sortable=True),
            source=fields.ID(stored=True, sortable=True),
        )
        folder.mkdir(parents=True)
        self._index = index.create_in(str(folder), schema)
        self._searcher: Any = None
        self._parser = qparser.MultifieldParser(["title", "lead", "body"], schema)

    def add(self, articles: Iterable[Article]) -> None:
        """Index articles in one commit."""
        writer = self._index.writer()
        for article in articles:
            writer.add_document(
                id=article.id,
                title=article.title,
                lead=article.lead,
                body="\n".join(block.text for block in article.body),
                published=article.published.replace(tzinfo=None) if article.published else None,
                category=",".join(article.categories),
                source=article.source,
            )
        writer.commit()
        self._searcher = self._index.searcher(weighting=scoring.BM25F())

    def search(self, text: str, *, facets: bool) -> int:
        """Answer a page of ten with highlights; return the total."""
        grouped = {"groupedby": ["category", "source"]} if facets else {}
        found = self._searcher.search(self._parser.parse(text), limit=10, **grouped)
        for hit in found:
            hit.highlights("body")
        if facets:
            found.groups("category")
            found.groups("source")
        return len(found)

    def similar(self, article_id: str) -> int:
        """Find five articles like one."""
        number = self._searcher.document_number(id=article_id)
        return len(self._searcher.more_like(number, "body", top=5))

"""What every answer of the index has in common: its ETag, and that it is made once.

A WSGI application around the site's own. What an answer depends on (version of the index, code,
settings, address, parameters) makes its ETag; the same hash is the key under which its bytes are
kept. So an unchanged answer (304) and one given before cost neither a search nor the making of a
page, and one of an older version than the live one cannot be found.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from werkzeug.http import parse_etags
from werkzeug.wrappers import Request

from searchsvc.language.text import clean, squeeze
from searchsvc.settings import Settings
from web import api, forms, shapes
from web.answers import MADE, Finished, Headers, Kept, Made
from web.querylog import Logged, LoggedQuery, QueryLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from searchsvc.search import SearchService

FRESH = "public, max-age=60, stale-while-revalidate=300"
"""How long another site may show an answer without asking again; then ETags make asking cheap."""

ASKED = "public, no-cache"
"""A reader's browser asks each time, mostly for a 304: a withdrawn article is gone with the next click, and
an editor sees the change just made."""

_NOBODY = re.compile(r"bot\b|crawl|spider|slurp|preview|curl/|wget/|python|java/|go-http", re.IGNORECASE)
"""Names of programs, which read everything and tell nothing of what people read."""


class Caching:
    """Gives answers from the index their ETags; 304 and what is kept without asking *app*.

    Where *service* cannot tell the live version, *app* is left to answer for it.
    """

    def __init__(
        self,
        app: WSGIApplication,
        service: SearchService,
        settings: Settings,
        code: str,
        log: QueryLog | None,
    ) -> None:
        shown = settings.model_dump_json(
            include={"public_url", "site_title", "explain", "semantic", "query_log"}
        )
        self._app = app
        self._service = service
        self._base = f"{shown}\n{code}"
        self._log = log
        self.kept = Kept(settings.answer_cache_mb * 1_000_000)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        started = time.perf_counter()
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self._app(environ, start_response)
        try:
            version = self._service.version()
        except Exception:  # the view meets the same fault and answers for it
            return self._app(environ, start_response)
        asked = _asked(environ)
        tag = self._tag(version, asked)
        if _knows(environ, tag):
            start_response("304 NOT MODIFIED", [*_marks(tag, environ), *_shared(environ)])
            return []
        answer = self.kept.get(version, tag)
        if answer is None:
            return self._new(environ, start_response, asked)
        start_response("200 OK", list(answer.headers))
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        logged = answer.logged
        if isinstance(logged, LoggedQuery):
            logged = replace(logged, took_ms=(time.perf_counter() - started) * 1000)
        self._note(environ, logged)
        return [answer.body]

    def _new(
        self, environ: WSGIEnvironment, start_response: StartResponse, asked: tuple[Any, ...]
    ) -> Iterable[bytes]:
        """Let the site answer; keep what it made from the index."""
        begun: list[Any] = []

        def begin(status: str, headers: Headers, error: Any = None) -> Callable[[bytes], object]:
            made: Made | None = environ.get(MADE)
            if made is not None and status.startswith("200"):
                tag = self._tag(made.version, asked)
                headers = [*headers, *_marks(tag, environ)]
                begun[:] = [made, tag, headers]
            return start_response(status, headers, error)

        parts = self._app(environ, begin)
        if not begun or environ["REQUEST_METHOD"] == "HEAD":
            return parts
        try:
            body = b"".join(parts)
        finally:
            if close := getattr(parts, "close", None):
                close()
        made, tag, headers = begun
        self._note(environ, made.logged)
        self.kept.put(made.version, tag, Finished(headers, body, made.logged))
        return [body]

    def _note(self, environ: WSGIEnvironment, logged: Logged | None) -> None:
        """Log a search; and a reading, if a person asked: a 304 is the same reader once more."""
        if self._log and logged and (isinstance(logged, LoggedQuery) or _is_person(environ)):
            self._log.record(logged)

    def _tag(self, version: str, asked: tuple[Any, ...]) -> str:
        return hashlib.sha256(repr((self._base, version, asked)).encode()).hexdigest()[:32]


def _asked(environ: WSGIEnvironment) -> tuple[Any, ...]:
    """Return what an answer depends on besides version and settings: day and address, read as views do."""
    path = environ.get("PATH_INFO", "")
    pairs: Iterable[tuple[str, str]] = ()
    if environ.get("QUERY_STRING"):
        given = Request(environ, populate_request=False).args.items(multi=True)
        # A space at the end says to a completion that the word before it is whole.
        completes = path == f"{shapes.PREFIX}/suggest"
        pairs = (
            (name, squeeze(clean(value)) + (" " if completes and value != value.rstrip() else ""))
            for name, value in given
        )
        if not _is_api(environ):  # pages overlook what they do not know and what is empty
            pairs = (pair for pair in pairs if pair[1] and pair[0] in forms.PAGE_PARAMETERS)
        pairs = sorted(pairs, key=_name)  # of several values of one name the first counts
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    today = date.today().toordinal()  # «на прошлой неделе» is another one tomorrow
    return (environ["wsgi.url_scheme"], host, environ.get("SCRIPT_NAME", ""), path, today, *pairs)


def _name(pair: tuple[str, str]) -> str:
    return pair[0]


def _knows(environ: WSGIEnvironment, tag: str) -> bool:
    """Say whether the caller has the answer of *tag*; "*" is no answer, there may be no such article."""
    given = environ.get("HTTP_IF_NONE_MATCH")
    if not given:
        return False
    known = parse_etags(given)
    return not known.star_tag and known.contains_weak(tag)


def _is_person(environ: WSGIEnvironment) -> bool:
    """Say whether a browser asks, and not in advance of its reader."""
    ahead = "prefetch" in str(environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE"))
    agent = environ.get("HTTP_USER_AGENT", "")
    return bool(agent) and not ahead and not _NOBODY.search(agent)


def _marks(tag: str, environ: WSGIEnvironment) -> Headers:
    return [("ETag", f'"{tag}"'), ("Cache-Control", FRESH if _is_api(environ) else ASKED)]


def _is_api(environ: WSGIEnvironment) -> bool:
    return str(environ.get("PATH_INFO", "")).startswith(shapes.PREFIX)


def _shared(environ: WSGIEnvironment) -> Headers:
    """Return what a 304 needs besides; the rest is with the answer that the caller has."""
    return list(api.CORS.items()) if _is_api(environ) else []

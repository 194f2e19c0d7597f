"""The web application: routes, headers, caching and errors put together.

``create_app`` takes the service and the settings; nothing here reads files of the index.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

import searchsvc
from searchsvc.errors import BadRequestError, GenerationError, NotFoundError
from searchsvc.settings import Settings
from web import api, feed, forms, links, pages, shapes, words
from web.answers import Headers
from web.caching import Caching
from web.querylog import QueryLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from searchsvc.search import SearchService

LOG = logging.getLogger(__name__)

YEAR_SECONDS = 365 * 24 * 3600

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'{pictures}; "
    "form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
STRICT, WITH_PICTURES = POLICY.format(pictures=""), POLICY.format(pictures=" https: http:")
"""Own scripts and style sheets only, and own answers to what scripts ask; nothing inline. JSON-LD is data,
which the policy does not touch."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

EXPECTED = (HTTPException, BadRequestError, NotFoundError, GenerationError, forms.ParameterError)

ROBOTS = "User-agent: *\nDisallow: {root}/search\nDisallow: {root}/feed\nDisallow: {root}/api/\n"


def create_app(service: SearchService, settings: Settings) -> Flask:
    """Return the WSGI application over *service*.

    The log of queries and readings is in ``app.extensions["query_log"]`` (None if the settings switch it
    off); whoever runs the application closes it at the end.
    """
    app = Flask(__name__)
    _use_readable_json(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR_SECONDS
    log = QueryLog(settings.query_log_path) if settings.query_log else None
    app.extensions["query_log"] = log
    app.register_blueprint(pages.Pages(service, log).blueprint())
    app.register_blueprint(
        api.Api(service, explain=settings.explain == "on").blueprint(), url_prefix=shapes.PREFIX
    )
    app.register_blueprint(feed.Feed(service, settings.site_title).blueprint())
    Probes(service).install(app)
    app.before_request(_refuse_nameless)
    code = code_version()
    _install_words(app, settings, code)
    app.register_error_handler(Exception, _failed)
    app.wsgi_app = CommonHeaders(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = Caching(app.wsgi_app, service, settings, code, log)  # type: ignore[method-assign]
    if settings.public_url:
        app.wsgi_app = PublicAddress(app.wsgi_app, settings.public_url, app.url_map)  # type: ignore[method-assign]
    return app


def compile_templates(app: Flask) -> None:
    """Compile every template now: the first reader need not wait for it."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


class CommonHeaders:
    """Puts onto every answer of *app* the headers that all have.

    Outside Flask, since that takes a tenth of the time there: a list joined to a list.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._page = list(HEADERS.items())
        self._api = [*self._page, *api.CORS.items()]
        self._preflight = [*self._api, *api.PREFLIGHT.items()]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with *app*'s headers and ours."""
        common = self._page
        if _is_api(environ.get("PATH_INFO", "")):
            common = self._preflight if environ["REQUEST_METHOD"] == "OPTIONS" else self._api

        def begin(status: str, headers: Headers, error: Any = None) -> Callable[[bytes], object]:
            if status >= "400":
                headers = [pair for pair in headers if pair[0] != "Cache-Control"]
                headers.append(("Cache-Control", "no-store"))
            policy = WITH_PICTURES if environ.get(pages.PICTURES) else STRICT
            return start_response(status, [*headers, ("Content-Security-Policy", policy), *common], error)

        return self._app(environ, begin)


class PublicAddress:
    """Makes every address the public one, wherever the request came in.

    A proxy may pass the public path on or take its prefix away; both arrive at the same page.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], public_url: str, routes: Map) -> None:
        split = urlsplit(public_url)
        self._app = app
        self._scheme = split.scheme
        self._host = split.netloc.rpartition("@")[2]
        self._prefix = split.path.rstrip("/").encode().decode("latin-1")
        self._routes = routes.bind("")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with scheme, host and prefix of the public address."""
        environ["wsgi.url_scheme"] = self._scheme
        environ["HTTP_HOST"] = self._host
        path = environ.get("PATH_INFO", "")
        if not environ.get("SCRIPT_NAME") and self._prefix:
            environ["SCRIPT_NAME"] = self._prefix
            # A path that is a page as it stands had its prefix taken away by the proxy.
            inside = path == self._prefix or path.startswith(self._prefix + "/")
            if inside and not self._routes.test(path):
                environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        return self._app(environ, start_response)


class Probes:
    """What machines ask: is the process alive, can it answer, where may robots go."""

    def __init__(self, service: SearchService) -> None:
        self._service = service
        self._told = ""

    def install(self, app: Flask) -> None:
        """Add the routes."""
        app.add_url_rule("/healthz", view_func=self.healthz)
        app.add_url_rule("/readyz", view_func=self.readyz)
        app.add_url_rule("/robots.txt", "robots", self.robots)
        app.add_url_rule("/favicon.ico", "favicon", self.favicon)

    def healthz(self) -> Response:
        """Say that the process answers."""
        return _plain("ok\n")

    def readyz(self) -> tuple[Response, int]:
        """Say whether searches can be answered; why not is for the server's log, it names paths."""
        readiness = self._service.readiness()
        if readiness.reason != self._told:
            self._told = readiness.reason
            LOG.warning("readiness_changed ready=%s reason=%s", readiness.ready, readiness.reason or "none")
        state = "degraded" if readiness.degraded else "ok" if readiness.ready else "no index"
        body = jsonify(ready=readiness.ready, degraded=readiness.degraded, state=state)
        body.headers["Cache-Control"] = "no-store"
        return body, 200 if readiness.ready else 503

    def robots(self) -> Response:
        """Keep robots out of result pages."""
        return _plain(ROBOTS.format(root=request.script_root))

    def favicon(self) -> Response:
        """Give browsers that look for it the icon."""
        return send_from_directory(str(current_app.static_folder), "favicon.svg")


def code_version() -> str:
    """Return a hash of the installed code, templates and static files: an upgrade changes answers."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(searchsvc.__file__).parent):
        for path in sorted(package.rglob("*")):
            if path.suffix in {".py", ".html", ".css", ".js", ".svg"}:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _use_readable_json(app: Flask) -> None:
    provider = DefaultJSONProvider(app)
    provider.ensure_ascii = provider.sort_keys = False
    app.json = provider


def _plain(text: str) -> Response:
    response = Response(text, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")


def _refuse_nameless() -> None:
    """Refuse a Host that is no host name: absolute links would be broken."""
    if not request.host:
        abort(400)


def _failed(error: Exception) -> Response | tuple[str, int, dict[str, str]]:
    """Answer any error as a Russian page or, under ``/api``, as a problem; nothing inside is told."""
    if not isinstance(error, EXPECTED):
        LOG.error("request_failed path=%s", request.path, exc_info=error)
    elif isinstance(error, GenerationError):
        LOG.error("index_unavailable path=%s error=%s", request.path, error)
    if _is_api(request.path):
        return api.failure(error)
    headers: dict[str, str] = {}
    if isinstance(error, NotFoundError):
        status, kind = 404, "article"
    elif isinstance(error, GenerationError):
        status, kind, headers = 503, "503", {"Retry-After": api.RETRY_AFTER}
    elif isinstance(error, HTTPException):
        status = error.code or 500
        kind = str(status)
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    elif isinstance(error, BadRequestError):
        status, kind = 400, "400"
    else:
        status, kind = 500, "500"
    return render_template("error.html", status=status, kind=kind), status, headers


def _install_words(app: Flask, settings: Settings, version: str) -> None:
    """Give the templates their filters and functions."""

    def asset(name: str) -> str:
        return url_for("static", filename=name, v=version)

    filters: dict[str, Callable[..., Any]] = {
        "long_date": words.long_date,
        "dotted_date": pages.dotted_date,
        "counted": words.counted,
        "plural": words.plural,
        "reprinted": words.reprinted,
        "grouped": words.grouped,
        "cut": words.cut,
        "quoted": pages.quoted,
        "undirected": forms.undirected,
        "nested": pages.nested,
        "safe_url": pages.safe_url,
        "site_name": pages.site_name,
        "file_name": pages.file_name,
        "file_type": pages.file_type,
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(
        asset=asset,
        site_title=settings.site_title,
        address=pages.address,
        feed_address=feed.address,
        without=links.without,
        toggled=links.toggled,
        on_page=links.on_page,
        later=pages.later,
        new_search=links.new_search,
        sorted_by=links.sorted_by,
        asking=links.asking,
        within=links.within,
        period=pages.period,
        page_pairs=links.page_pairs,
    )

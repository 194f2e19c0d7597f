"""A real Russian WordPress on loopback: MariaDB, php-fpm and nginx of Debian, seeded with fixed posts.

    with WordPress.start(tmp_path) as site:
        site.edit("plain-01", title="Новый заголовок")
        crawl(site.url)

The seed lies in ``php/posts_*.php``: every post has a handle there, and a comment where it is a case of
its own. Every operation returns when WordPress has done it.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import socket
import string
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypedDict

from .processes import BedError, Processes

PACKAGES: tuple[str, ...] = (
    "wordpress",
    "wordpress-l10n",
    "wordpress-theme-twentytwentyone",
    "wordpress-theme-twentytwentythree",
    "mariadb-server",
    "php-cli",
    "php-curl",
    "php-fpm",
    "php-gd",
    "php-intl",
    "php-mbstring",
    "php-mysql",
    "php-xml",
    "nginx-light",
)
"""Debian packages of the bed, to be installed with ``--no-install-recommends``."""

PRETTY = "/%year%/%monthnum%/%day%/%postname%/"
PATIENCE = 60.0
"""Seconds that a service or a script may take; a clean start takes about four in all."""

_SCRIPTS = Path(__file__).parent / "php"
_WORDPRESS = Path("/usr/share/wordpress")
_THEMES = ("twentytwentyone", "twentytwentythree")
_PROGRAMS = ("mariadbd", "mariadb-install-db", "php", "nginx")
_EXTENSIONS = ("curl", "dom", "gd", "intl", "mbstring", "mysqli")
_SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"))
_SOCKET_PATH_LIMIT = 100
"""Bytes of a Unix socket's path (108 with the final zero on Linux)."""

_DATABASE = {"database": "wordpress", "user": "wordpress", "password": "wordpress"}


class PublicPost(TypedDict):
    """What the database says of one published post.

    *title* is plain text as the site renders it (typographic quotes, no tags, no entities), *title_raw* and
    *content* are as stored. Dates have the form of REST: ``2024-09-01T06:00:00``, in UTC.
    """

    id: int
    link: str
    slug: str
    title: str
    title_raw: str
    status: str
    protected: bool
    date_gmt: str
    modified_gmt: str
    categories: list[str]
    tags: list[str]
    content: str


def missing() -> list[str]:
    """Return what this machine lacks to run the bed; an empty list means that it can."""
    lacking = [] if os.geteuid() == 0 else ["root"]
    lacking += [name for name in _PROGRAMS if not shutil.which(name, path=_SEARCH_PATH)]
    if not _php_fpm():
        lacking.append("php-fpm")
    files = [_WORDPRESS, _WORDPRESS / "wp-content/languages/ru_RU.mo", Path("/etc/nginx/mime.types")]
    files += [_WORDPRESS / "wp-content/themes" / theme for theme in _THEMES]
    lacking += [str(path) for path in files if not path.exists()]
    if "php" not in lacking:
        listing = subprocess.run([_program("php"), "-m"], capture_output=True, text=True, check=False)
        present = listing.stdout.split()
        lacking += [f"php extension {name}" for name in _EXTENSIONS if name not in present]
    return lacking


class WordPress:
    """A running site; made by :meth:`start`, ended by :meth:`stop` or by leaving its ``with`` block."""

    url: str
    """Address without a final slash."""
    posts: dict[str, int]
    """WordPress ids by handle, of the seed and of what the test adds; a deleted post keeps its entry."""

    def __init__(self, folder: Path) -> None:
        """Prepare a site that is not running yet; use :meth:`start`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.posts = {}
        self._folder = folder
        # Not in *folder*: the socket's path must be short, and pytest closes its folders to other users
        # while the database runs as mysql and the site as www-data.
        self._work = Path(tempfile.mkdtemp(prefix="wp-"))
        self._processes = Processes(self._work, folder)
        atexit.register(self.stop)

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Install, seed and serve a site; logs and configuration go to *folder*.

        Raises BedError with the log of the part that failed; nothing is left running then.
        """
        site = cls(folder)
        try:
            site._start()
        except BaseException:
            site.stop()
            raise
        return site

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of ``mariadbd``, ``php-fpm`` and ``nginx``; empty after :meth:`stop`."""
        return self._processes.pids

    def stop(self) -> None:
        """End the services and remove their data; harmless twice."""
        self._processes.stop()
        atexit.unregister(self.stop)

    def create(
        self,
        handle: str,
        title: str,
        content: str,
        *,
        status: str = "publish",
        when: datetime | None = None,
        categories: Sequence[str] = (),
        tags: Sequence[str] = (),
        slug: str | None = None,
        password: str = "",
    ) -> int:
        """Add a post under a new handle and return its id.

        *when* is the site's local time, without a zone (now if None): both post_date and post_modified.
        """
        if handle in self.posts:
            raise ValueError(f"handle {handle!r} is taken")
        new: int = self._operate(
            "insert",
            title=title,
            content=content,
            status=status,
            date=when and f"{when:%Y-%m-%d %H:%M:%S}",
            categories=list(categories),
            tags=list(tags),
            slug=slug,
            password=password,
        )
        self.posts[handle] = new
        return new

    def backdate(
        self,
        handle_new: str,
        *,
        when: datetime = datetime(2014, 3, 5, 10, 0),
        title: str = "Архивная заметка о школьном музее",
        content: str = "<p>Заметка перенесена из старого архива вместе со своей датой.</p>",
    ) -> int:
        """Add a post whose post_date and post_modified lie years back, as an import does; return its id."""
        return self.create(handle_new, title, content, when=when)

    def edit(self, handle: str, *, title: str | None = None, content: str | None = None) -> None:
        """Change a post's title or content; post_modified becomes now."""
        fields = {"post_title": title, "post_content": content}
        self._update(handle, {name: value for name, value in fields.items() if value is not None})

    def delete(self, handle: str) -> None:
        """Remove a post for good: REST answers 404 for its id."""
        self._operate("delete", id=self.posts[handle])

    def trash(self, handle: str) -> None:
        """Move a post to the bin: REST answers 401 for its id."""
        self._operate("trash", id=self.posts[handle])

    def draft(self, handle: str) -> None:
        """Turn a post back into a draft."""
        self._update(handle, {"post_status": "draft"})

    def make_private(self, handle: str) -> None:
        """Show a post to the site's editors only."""
        self._update(handle, {"post_status": "private"})

    def publish(self, handle: str) -> None:
        """Make a draft, private, pending or trashed post public, through the editor: post_modified is now."""
        self._update(handle, {"post_status": "publish"})

    def protect(self, handle: str, password: str) -> None:
        """Ask for a password before a post's text; an empty *password* opens it again."""
        self._update(handle, {"post_password": password})

    def publish_scheduled(self, handle: str) -> None:
        """Let a scheduled post go live now, as cron does: post_date is now, post_modified stays."""
        self._operate("publish_scheduled", id=self.posts[handle])

    def recategorise(self, handle: str, categories: Sequence[str]) -> None:
        """Replace a post's categories, by name; post_modified stays."""
        self._operate("categories", id=self.posts[handle], names=list(categories))

    def retag(self, handle: str, tags: Sequence[str]) -> None:
        """Replace a post's tags, by name; post_modified stays."""
        self._operate("tags", id=self.posts[handle], names=list(tags))

    def rename_slug(self, handle: str, slug: str) -> None:
        """Give a post another address; the old one answers 301."""
        self._update(handle, {"post_name": slug})

    def rest_off(self, status: int = 401) -> None:
        """Close REST: every path of it, ``?rest_route=`` too, answers *status*."""
        self._operate("rest", status=status)

    def rest_on(self) -> None:
        """Open REST again."""
        self._operate("rest", status=0)

    def plain_permalinks(self) -> None:
        """Switch to addresses like ``/?p=12``, where REST answers only under ``?rest_route=``."""
        self._operate("permalinks", structure="")

    def pretty_permalinks(self) -> None:
        """Switch back to addresses with the date and the slug."""
        self._operate("permalinks", structure=PRETTY)

    def switch_theme(self, name: str) -> None:
        """Change the markup: ``twentytwentyone`` (at the start) or the block theme ``twentytwentythree``."""
        if name not in _THEMES:
            raise ValueError(f"no theme {name!r}")
        self._operate("theme", name=name)

    def expected(self) -> list[PublicPost]:
        """Return every published post by id, from the database; protected ones are among them."""
        posts: list[PublicPost] = self._operate("expected")
        return posts

    def _start(self) -> None:
        self._work.chmod(0o755)
        database_socket = self._work / "db.sock"
        if len(os.fsencode(database_socket)) > _SOCKET_PATH_LIMIT:
            raise BedError(f"the path of {database_socket} is too long for a socket; set TMPDIR")
        # nginx inherits the listening socket, so no other program can take the port in between.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            self._start_database(database_socket)
            self._install(port)
            self._processes.spawn("php-fpm", [_php_fpm(), "-F", "-y", str(self._folder / "php-fpm.conf")])
            self._processes.spawn(
                "nginx",
                [_program("nginx"), "-c", str(self._folder / "nginx.conf"), "-g", "daemon off;"],
                environment={"NGINX": f"{listener.fileno()};"},
                descriptors=[listener.fileno()],
            )
        self._wait_until_served()

    def _start_database(self, path: Path) -> None:
        # A server that starts removes the temporary tables it finds: in a shared folder, another bed's.
        temporary = self._work / "db-tmp"
        temporary.mkdir()
        # The socket and the temporary tables are mysql's to make.
        for folder in (self._work, temporary):
            shutil.chown(folder, "mysql")
        options = ["--no-defaults", "--user=mysql", f"--datadir={self._work / 'db'}", f"--tmpdir={temporary}"]
        options += ["--innodb-log-file-size=8M", "--innodb-use-native-aio=0"]
        command = [_program("mariadb-install-db"), *options, "--auth-root-authentication-method=socket"]
        self._run([*command, "--skip-test-db"])
        options += [f"--socket={path}", f"--pid-file={self._work / 'db.pid'}", "--skip-networking"]
        options += ["--skip-log-bin", "--character-set-server=utf8mb4", "--performance-schema=off"]
        options += ["--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"]
        self._processes.spawn("mariadbd", [_program("mariadbd"), *options])

    def _install(self, port: int) -> None:
        site = self._work / "site"
        shutil.copytree(_WORDPRESS, site, ignore=_other_languages, ignore_dangling_symlinks=True)
        extensions = site / "wp-content/mu-plugins"
        extensions.mkdir(exist_ok=True)
        shutil.copy(_SCRIPTS / "mu_plugin.php", extensions)
        values = {"work": self._work, "logs": self._folder, "port": port, "url": self.url, **_DATABASE}
        for target in (site / "wp-config.php", self._folder / "php-fpm.conf", self._folder / "nginx.conf"):
            template = (_SCRIPTS / f"{target.name}.template").read_text(encoding="utf-8")
            target.write_text(string.Template(template).substitute(values), encoding="utf-8")
        self._php("install", {"socket": str(self._work / "db.sock"), **_DATABASE})
        self.posts = self._php("seed", {})

    def _wait_until_served(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._processes.check()
            try:
                with urllib.request.urlopen(f"{self.url}/wp-json/wp/v2/posts?per_page=1", timeout=PATIENCE):
                    return
            except urllib.error.URLError:  # php-fpm still starts: 502
                time.sleep(0.1)
        raise BedError(f"{self.url} does not answer; see the logs in {self._folder}")

    def _update(self, handle: str, fields: Mapping[str, str]) -> None:
        self._operate("update", id=self.posts[handle], fields=dict(fields))

    def _operate(self, operation: str, **values: Any) -> Any:
        return self._php("operate", {"operation": operation, **values})

    def _php(self, script: str, values: Mapping[str, Any]) -> Any:
        if "mariadbd" not in self.pids:
            raise BedError(f"{self.url} is stopped")
        self._processes.check()
        settings = ["-d", "display_errors=stderr", "-d", "memory_limit=256M"]
        command = [_program("php"), *settings, str(_SCRIPTS / f"{script}.php"), str(self._work / "site")]
        return json.loads(self._run([*command, self.url], text=json.dumps(values)))

    @staticmethod
    def _run(command: Sequence[str], *, text: str = "") -> str:
        run = subprocess.run(
            command, input=text, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
        )
        if run.returncode:
            raise BedError(f"{' '.join(command)} ended with {run.returncode}: {run.stderr or run.stdout}")
        return run.stdout


def _program(name: str) -> str:
    path = shutil.which(name, path=_SEARCH_PATH)
    if not path:
        raise BedError(f"{name} is not installed")
    return path


def _php_fpm() -> str:
    """Return the newest php-fpm of Debian, whose program carries its version; empty if there is none."""
    found = [path for path in Path("/usr/sbin").glob("php-fpm*") if re.fullmatch(r"php-fpm[\d.]+", path.name)]
    return str(max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)], default=""))


def _other_languages(folder: str, names: list[str]) -> list[str]:
    """Leave the translations out that a Russian site does not read: half of the bytes."""
    if Path(folder).name != "languages":
        return []
    return [name for name in names if "ru_RU" not in name]

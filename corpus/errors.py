"""The root of the product's error tree, and the errors of the archive.

Every error carries its subject and a message in Russian that says what is wrong
and what to do: the command line prints it as it is.
"""

from __future__ import annotations


class SearchServiceError(Exception):
    """Base of every error this product raises on purpose.

    ``str(error)`` is a sentence for an editor, in Russian; ``exit_code`` is what
    the command line exits with.
    """

    exit_code = 1


class ArchiveError(SearchServiceError):
    """The archive (or another database of ours, which the message names) cannot do what was asked."""


class ArchiveUnavailableError(ArchiveError):
    """The database cannot be opened, read or written; the cause is chained."""

    def __init__(self, where: str, reason: str, name: str = "Архив") -> None:
        super().__init__(
            f"{name} «{where}» недоступен: {reason}. "
            "Проверьте путь (SEARCHSVC_DATA_DIR или --data-dir), права на папку и место на диске."
        )
        self.where = where


class ArchiveBusyError(ArchiveUnavailableError):
    """Another process holds the database's write lock for longer than we wait."""

    def __init__(self, where: str, seconds: float, name: str = "Архив") -> None:
        ArchiveError.__init__(
            self,
            f"{name} «{where}» занят: другая команда пишет в него дольше {seconds:.0f} с. "
            "Дождитесь её окончания и повторите.",
        )
        self.where = where
        self.seconds = seconds


class ArchiveVersionError(ArchiveUnavailableError):
    """The database's schema is of a later release than this program."""

    def __init__(self, where: str, version: str, name: str = "Архив") -> None:
        ArchiveError.__init__(
            self,
            f"{name} «{where}» создан более новой версией программы (схема {version}). "
            "Обновите searchsvc или укажите другую папку данных (SEARCHSVC_DATA_DIR или --data-dir).",
        )
        self.where = where
        self.version = version


class RowError(ArchiveError):
    """A row of a JSON Lines file cannot be taken; *field* is empty when it is the line as a whole."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"Поле «{field}»: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class UnknownSourceError(ArchiveError):
    """No source has this id or address."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"Источник «{source}» не найден. Список источников: searchsvc source list; "
            "добавить: searchsvc source add АДРЕС."
        )
        self.source = source


class UnknownArticleError(ArchiveError):
    """No article has this id or address."""

    def __init__(self, article: str) -> None:
        super().__init__(f"Статья «{article}» не найдена в архиве. Проверьте идентификатор или адрес.")
        self.article = article

"""The errors of the search, one tree with the archive's."""

from __future__ import annotations

from pathlib import Path

from corpus.errors import SearchServiceError

__all__ = [
    "BadRequestError",
    "EncoderMissingError",
    "EngineMissingError",
    "EvaluationError",
    "FingerprintError",
    "GenerationError",
    "IndexBusyError",
    "IndexDamagedError",
    "IndexWithoutNamesError",
    "NamesMissingError",
    "NoIndexError",
    "NotFoundError",
    "SearchServiceError",
    "SettingsError",
    "SynonymsError",
    "UnknownEngineError",
    "VerificationError",
]


class SettingsError(SearchServiceError):
    """A setting is wrong; the message names it."""

    exit_code = 2


class SynonymsError(SettingsError):
    """A list of synonyms cannot be used; the message says where and why."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(
            f"Список синонимов «{path}»: {reason}. Строка пишется так: ЕГЭ = единый государственный экзамен"
        )
        self.path = path
        self.reason = reason


class BadRequestError(SearchServiceError):
    """A search that cannot be answered as asked (too deep, wrong dates)."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(reason)
        self.parameter = parameter
        self.reason = reason


class NotFoundError(SearchServiceError):
    """The published generation has no such article."""

    def __init__(self, article_id: str) -> None:
        super().__init__(f"Статьи «{article_id}» нет в опубликованном указателе.")
        self.article_id = article_id


class GenerationError(SearchServiceError):
    """An index generation cannot be used; base of the next ones."""


class NoIndexError(GenerationError):
    """Nothing has been published yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"В папке «{folder}» ещё нет готового индекса. Постройте его: searchsvc rebuild")
        self.folder = folder


class IndexDamagedError(GenerationError):
    """A published generation cannot be read; the cause is chained."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"Индекс «{folder}» повреждён или чужой: {reason}. "
            "Архив не пострадал. Постройте индекс заново: searchsvc rebuild"
        )
        self.folder = folder


class IndexWithoutNamesError(GenerationError):
    """Names are wanted and the index was built without them."""

    def __init__(self) -> None:
        super().__init__(
            'Индекс построен без людей, организаций и мест, а в настройках names = "on". '
            "Перестройте его: searchsvc rebuild"
        )


class FingerprintError(GenerationError):
    """The index was made by another version of schema or analysis."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Индекс построен другой версией программы ({what}). Перестройте его: searchsvc rebuild"
        )


class VerificationError(GenerationError):
    """A new generation did not pass its checks and was not published."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"Новый индекс не опубликован: {reason}. Прежний продолжает отвечать. {remedy}")


class IndexBusyError(GenerationError):
    """Another process is writing."""

    exit_code = 3

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} сейчас занят: {holder}. Дождитесь окончания и повторите команду.")
        self.holder = holder


class UnknownEngineError(GenerationError):
    """No engine has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"Неизвестный движок «{name}». Есть: {', '.join(known)}. "
            f"Построить индекс, например, так: searchsvc rebuild --engine {known[0]}"
        )


class EngineMissingError(GenerationError):
    """The library of an engine is not installed; the cause is chained."""

    def __init__(self, name: str, package: str) -> None:
        super().__init__(f"Движок «{name}» не установлен. Установите его: pip install '{package}'")
        self.name = name


class EncoderMissingError(SearchServiceError):
    """The package that gives sentences their vectors is not installed; the cause is chained."""

    exit_code = 2

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Для поиска по смыслу нужен дополнительный пакет{f' ({reason})' if reason else ''}. "
            "Установите его: pip install 'searchsvc[semantic]'. Искать без него: "
            "SEARCHSVC_SEMANTIC=off, затем searchsvc rebuild"
        )


class EvaluationError(SearchServiceError):
    """A judged set or a package that an evaluation needs is missing or broken."""


class NamesMissingError(SearchServiceError):
    """The package that finds names in texts is not installed."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            'Чтобы находить в статьях людей, организации и места (names = "on"), нужен дополнительный '
            "пакет. Установите его: pip install 'searchsvc[names]' — или верните names = \"off\"."
        )

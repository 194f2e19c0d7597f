"""Settings: one TOML file and ``SEARCHSVC_...`` variables, checked at start.

Order of precedence: arguments of the command, environment, TOML file, defaults. The file is
the one named by ``SEARCHSVC_CONFIG``, else ``searchsvc.toml`` in the working folder if present.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from searchsvc.errors import SettingsError
from searchsvc.naming import require_model

PREFIX = "SEARCHSVC_"
CONFIG_VARIABLE = "SEARCHSVC_CONFIG"
DEFAULT_FILE = "searchsvc.toml"


class Settings(BaseSettings):
    """All settings of the product; README has the same table in Russian."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True
    )

    data_dir: Path = Field(Path("data"), description="Папка данных: архив, индекс, журналы")
    archive_url: str = Field("", description="Адрес базы архива (SQLAlchemy); пусто: SQLite в папке данных")
    desk_url: str = Field("", description="Адрес базы заданий (SQLAlchemy); пусто: SQLite в папке данных")
    engine: Literal["whoosh", "tantivy"] = Field("whoosh", description="Поисковый движок новых индексов")
    names: Literal["off", "on"] = Field(
        "off", description="Находить в статьях людей, организации и места (пакет searchsvc[names])"
    )
    semantic: Literal["off", "on"] = Field(
        "off", description="Поиск с учётом смысла; нужен пакет searchsvc[semantic] и новый индекс"
    )
    synonyms: str = Field("", description="Файл со своими сокращениями и синонимами, поверх готового списка")
    host: str = Field("127.0.0.1", description="Адрес, на котором отвечает сайт")
    port: int = Field(8080, ge=0, le=65535, description="Порт сайта; 0: любой свободный")
    processes: int = Field(1, ge=1, le=64, description="Процессов у веб-сервера")
    threads: int = Field(8, ge=1, le=64, description="Потоков у каждого процесса веб-сервера")
    answer_cache_mb: int = Field(
        32, ge=0, le=4096, description="Мегабайт памяти на готовые ответы; 0: не держать"
    )
    public_url: str = Field("", description="Внешний адрес сайта, если он за прокси или в подпапке")
    trusted_proxy: str = Field("", description="Адрес прокси, заголовкам которого можно верить")
    site_title: str = Field("Новости образования", min_length=1, description="Название сайта")
    query_log: bool = Field(True, description="Записывать, что ищут и читают (без адресов и имён)")
    explain: Literal["off", "on"] = Field(
        "off", description="Отвечать в API на explain=true: почему статья стоит на своём месте"
    )
    crawl_delay: float = Field(1.0, ge=0, le=60, description="Секунд между запросами к одному сайту")
    crawl_contact: str = Field(
        "", description="Почта или адрес для владельцев сайтов, в заголовке User-Agent"
    )
    crawl_every_hours: float = Field(
        0, ge=0, le=8760, description="Через сколько часов обходить источники снова; 0: только по команде"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="Подробность журнала"
    )

    @field_validator("data_dir")
    @classmethod
    def _home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError as error:
            raise ValueError("нет такой домашней папки") from error

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc):
            raise ValueError("нужен полный адрес, например https://news.example/search")
        return value.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the TOML file."""
        file = _file()
        toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
        return init_settings, env_settings, *toml

    @property
    def archive_address(self) -> str | Path:
        """Where the archive is: a path of an SQLite file or an SQLAlchemy URL."""
        return self.archive_url or self.data_dir / "archive.db"

    @property
    def desk_address(self) -> str | Path:
        """Where jobs are kept: a path of an SQLite file or an SQLAlchemy URL."""
        return self.desk_url or self.data_dir / "desk.db"

    @property
    def query_log_path(self) -> Path:
        """The log of queries; it may be lost."""
        return self.data_dir / "queries.db"

    @property
    def index_dir(self) -> Path:
        """The folder of index generations."""
        return self.data_dir / "index"


def load_settings(**given: Any) -> Settings:
    """Return the settings in force; arguments that are None do not count.

    Raises:
        SettingsError: a value is wrong, a name is unknown or the file cannot be read. A
            misspelt ``SEARCHSVC_`` variable is an error too.
        NamesMissingError: names are to be found and the extra is not installed.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for variable in os.environ:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise SettingsError(f"Неизвестная переменная {variable}. Есть: {', '.join(sorted(known))}.")
    file = _file()
    if file and not file.is_file():
        raise SettingsError(f"Файла настроек «{file}» ({CONFIG_VARIABLE}) нет.")
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {_reason(problem)}"
            for problem in error.errors()
        )
        raise SettingsError(f"Настройки не приняты: {problems}. Таблица настроек — в README.") from error
    except (OSError, ValueError) as error:  # ValueError: tomllib's own, and of the encoding
        raise SettingsError(f"Файл настроек «{file}» не читается: {error}.") from error
    if settings.names == "on":
        require_model()
    return settings


def _file() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


_REASONS = {
    "extra_forbidden": "такой настройки нет",
    "int_parsing": "нужно целое число",
    "int_from_float": "нужно целое число",
    "int_type": "нужно целое число",
    "float_parsing": "нужно число",
    "float_type": "нужно число",
    "bool_parsing": "нужно true или false",
    "bool_type": "нужно true или false",
    "string_type": "нужна строка",
    "string_too_short": "не может быть пустой",
    "path_type": "нужен путь",
    "greater_than_equal": "не меньше {ge}",
    "less_than_equal": "не больше {le}",
    "literal_error": "одно из: {expected}",
    "value_error": "{error}",
}


def _reason(problem: Any) -> str:
    """Say in Russian what is wrong with a value, in pydantic's own words where there are no others."""
    reason = _REASONS.get(problem["type"])
    if reason is None:
        return str(problem["msg"])
    return reason.format(**problem.get("ctx", {})).replace(" or ", " или ")

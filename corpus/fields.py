"""The fields of one JSON object, read with their types checked; every complaint names its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from urllib.parse import urlsplit

from corpus.errors import RowError

Clean = Callable[[str], str]

_YEARS = range(2, 9999)  # the first and the last year cannot be converted to every other offset


class Fields:
    """The fields of one object; *where* is the path to it, for complaints."""

    def __init__(
        self, row: Mapping[str, object], clean: Clean, default_offset: tzinfo, where: str = ""
    ) -> None:
        self._row = row
        self.clean = clean
        self._default_offset = default_offset
        self._where = where

    def name(self, field: str) -> str:
        """Return the path to *field*, as complaints give it."""
        return f"{self._where}.{field}" if self._where else field

    def value(self, field: str, *, required: bool = False) -> object:
        """Return the field, None when it is missing or null."""
        value = self._row.get(field)
        if value is None and required:
            raise RowError("нет обязательного поля", self.name(field))
        return value

    def inner(self, value: object, where: str) -> Fields:
        """Return the fields of an object inside this one."""
        if not isinstance(value, Mapping):
            raise RowError("ожидается объект", where)
        return Fields(value, self.clean, self._default_offset, where)

    def string(self, field: str, *, required: bool = False) -> str:
        """Return a string as it is, empty when it is missing."""
        value = self.value(field, required=required)
        return "" if value is None else self._string(value, self.name(field))

    def text(self, field: str, *, required: bool = False) -> str:
        """Return a cleaned string, empty when it is missing."""
        return self.clean(self.string(field, required=required))

    def items(self, field: str) -> list[tuple[object, str]]:
        """Return the items of a list, each with its name."""
        value = self.value(field)
        return [] if value is None else self._items(value, self.name(field))

    def strings(self, field: str) -> list[str]:
        """Return a list of strings as they are."""
        return [self._string(item, where) for item, where in self.items(field)]

    def texts(self, field: str) -> list[str]:
        """Return a list of cleaned strings."""
        return [self.clean(item) for item in self.strings(field)]

    def rows(self, field: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of texts."""
        return tuple(
            tuple(self.clean(self._string(cell, place)) for cell, place in self._items(row, where))
            for row, where in self.items(field)
        )

    def mapping(self, field: str) -> dict[str, str]:
        """Return an object of strings."""
        value = self.value(field)
        if value is None:
            return {}
        where = self.name(field)
        if not isinstance(value, Mapping):
            raise RowError("ожидается объект со строками", where)
        return {name: self._string(item, f"{where}.{name}") for name, item in value.items()}

    def address(self, field: str) -> str:
        """Return a web address: visitors will follow it, so it cannot be «javascript:…»."""
        url = self.string(field, required=True).strip()
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise RowError("ожидается адрес, начинающийся с http:// или https://", self.name(field))
        return url

    def integer(self, field: str, low: int, high: int, *, default: int | None = None) -> int:
        """Return a whole number from *low* to *high*; without a default it must be there."""
        value = self.value(field, required=default is None)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise RowError(f"ожидается целое число от {low} до {high}", self.name(field))
        return value

    def number(self, field: str, *, default: float) -> float:
        """Return a number from 0."""
        value = self.value(field)
        value = default if value is None else value
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
            raise RowError("ожидается неотрицательное число", self.name(field))
        return float(value)

    def boolean(self, field: str) -> bool:
        """Return a truth value, False when it is missing."""
        value = self.value(field)
        if value is not None and not isinstance(value, bool):
            raise RowError("ожидается true или false", self.name(field))
        return bool(value)

    def moment(self, field: str) -> datetime | None:
        """Return an aware moment of an ISO 8601 date or time."""
        text = self.string(field).strip()
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise RowError(
                "ожидается дата ISO 8601, например 2024-09-01T10:00:00+03:00", self.name(field)
            ) from None
        if moment.year not in _YEARS:
            raise RowError("такого года быть не может", self.name(field))
        return moment if moment.tzinfo else moment.replace(tzinfo=self._default_offset)

    @staticmethod
    def _string(value: object, where: str) -> str:
        if not isinstance(value, str):
            raise RowError("ожидается строка", where)
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise RowError("половина символа UTF-16 без пары", where) from None
        return value

    @staticmethod
    def _items(value: object, where: str) -> list[tuple[object, str]]:
        if not isinstance(value, list):
            raise RowError("ожидается список", where)
        return [(item, f"{where}[{number}]") for number, item in enumerate(value)]

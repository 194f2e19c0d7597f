"""What can go wrong between us and a site, one tree from the archive's errors.

Messages are for editors, in Russian: what is wrong and what to do. Each error carries its
subject; ``retryable`` says whether the same request may succeed a little later.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes, urlsplit

from corpus.errors import SearchServiceError

__all__ = [
    "AddressRefusedError",
    "BadEncodingError",
    "BodyTooLargeError",
    "ConnectionFailedError",
    "DisallowedError",
    "ExtractionError",
    "FetchError",
    "FetchTimeoutError",
    "HttpStatusError",
    "InvalidUrlError",
    "InvalidUserAgentError",
    "NotJson",
    "NotWordPressError",
    "RestClosedError",
    "RetryTooLateError",
    "RobotsUnavailableError",
    "TlsError",
    "TooManyRedirectsError",
    "TruncatedBodyError",
    "UnexpectedAnswerError",
    "UnknownHostError",
    "UnreadableSourceError",
]

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Answers worth another try. 500 is among them, as in Scrapy's and curl's lists: on shared hosting
it mostly means that PHP or the database was short of something for a moment."""

_STATUS_ADVICE = {
    401: "Сайт требует входа. Проверьте, открыта ли страница для всех.",
    403: "Сайт закрыл доступ. Попросите владельца сайта разрешить обход.",
    404: "Такой страницы нет. Проверьте адрес.",
    410: "Страница удалена. Проверьте адрес.",
    429: "Сайт просит обращаться к нему реже. Увеличьте паузу (SEARCHSVC_CRAWL_DELAY) и повторите позже.",
}
_ESCAPED_LETTERS = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")  # only what is not ASCII: «%2F» must stay
_SERVER_ADVICE = "Это сбой на стороне сайта. Повторите позже."
_OTHER_ADVICE = "Откройте адрес в браузере и проверьте, что он верен."


def _shown(url: str) -> str:
    """Return *url* as people write it: Cyrillic host and path where they can be read."""
    host = urlsplit(url).hostname or ""
    readable = _ESCAPED_LETTERS.sub(_unescaped, url)
    return readable.replace(host, shown_host(host), 1) if "xn--" in host else readable


def _unescaped(escapes: re.Match[str]) -> str:
    letters = unquote_to_bytes(escapes[0]).decode("utf-8", errors="replace")
    return letters if letters.isprintable() and "\ufffd" not in letters else escapes[0]


def shown_host(host: str) -> str:
    """Return an ASCII host name as people write it («минобр.рф»)."""
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


class FetchError(SearchServiceError):
    """An address could not be fetched; ``url`` is the one that failed, in ASCII."""

    retryable = False

    def __init__(self, url: str, message: str) -> None:
        super().__init__(message)
        self.url = url


class InvalidUserAgentError(SearchServiceError):
    """The User-Agent does not begin with a product token, so robots.txt could not address us."""

    exit_code = 2

    def __init__(self, user_agent: str) -> None:
        super().__init__(
            f"Имя робота «{user_agent}» не годится: нужны только латинские символы, "
            "и первым словом должно быть имя из букв, дефисов и подчёркиваний, например «searchsvc/1.0»."
        )
        self.user_agent = user_agent


class InvalidUrlError(FetchError):
    """The address is not one that may be fetched: scheme, host, port or characters."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            url,
            f"Адрес «{url}» не подходит: {reason}. Нужен полный адрес, например https://example.ru/news/.",
        )
        self.reason = reason


class AddressRefusedError(FetchError):
    """The host's name leads to an address that is not on the public Internet."""

    def __init__(self, url: str, host: str, address: str) -> None:
        super().__init__(
            url,
            f"Сайт «{shown_host(host)}» находится по внутреннему адресу {address}, "
            "обращаться к нему не разрешено. Если это ваш собственный сайт, разрешите внутренние адреса "
            "для его источника: searchsvc source add АДРЕС --allow-private.",
        )
        self.host = host
        self.address = address


class UnknownHostError(FetchError):
    """The host's name has no address; ``retryable`` where the name server only failed to answer."""

    def __init__(self, url: str, host: str, *, temporary: bool) -> None:
        advice = "Сервер имён не ответил" if temporary else "Такого имени нет"
        super().__init__(
            url,
            f"Не удалось узнать адрес сайта «{shown_host(host)}». {advice}: "
            "проверьте имя и доступ к интернету.",
        )
        self.host = host
        self.retryable = temporary


class ConnectionFailedError(FetchError):
    """The connection was refused, reset or spoke something other than HTTP."""

    retryable = True

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            url,
            f"Не удалось получить {_shown(url)}: связь с сайтом не установлена или оборвалась ({reason}). "
            "Проверьте, открывается ли сайт, и повторите позже.",
        )
        self.reason = reason


class TlsError(FetchError):
    """The site's certificate is not valid for it, or no protection could be agreed on."""

    def __init__(self, url: str, host: str, reason: str) -> None:
        super().__init__(
            url,
            f"Защищённое соединение с «{shown_host(host)}» не установлено: {reason}. "
            "Просроченный, чужой или неполный сертификат может исправить только владелец сайта. "
            "Если сертификат выдан центром, которого нет на этой машине (у государственных сайтов часто "
            "Russian Trusted Root CA), добавьте корневой сертификат центра в систему "
            "или укажите файл с ним в переменной SSL_CERT_FILE.",
        )
        self.host = host
        self.reason = reason


class FetchTimeoutError(FetchError):
    """The request was not over in time, however steadily the answer dripped."""

    retryable = True

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(
            url,
            f"Сайт не успел ответить на {_shown(url)} за {seconds:g} с. "
            "Проверьте, открывается ли он в браузере, и повторите позже.",
        )
        self.seconds = seconds


class TruncatedBodyError(FetchError):
    """The answer ended before its declared or compressed end."""

    retryable = True

    def __init__(self, url: str) -> None:
        super().__init__(url, f"Ответ сайта на {_shown(url)} оборвался на середине. Повторите позже.")


class BodyTooLargeError(FetchError):
    """The answer is larger, on the wire or decompressed, than ``limit`` bytes."""

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(
            url,
            f"Ответ сайта на {_shown(url)} больше {limit / 2**20:.3g} МБ, он не загружен. "
            "Проверьте, что адрес ведёт на страницу, а не на большой файл.",
        )
        self.limit = limit


class BadEncodingError(FetchError):
    """The answer is compressed in a way we did not offer, or its compressed form is broken."""

    def __init__(self, url: str, encoding: str) -> None:
        super().__init__(
            url,
            f"Ответ сайта на {_shown(url)} не распаковывается (сжатие «{encoding}»). "
            "Это ошибка в настройке сайта: сообщите его владельцу.",
        )
        self.encoding = encoding


class TooManyRedirectsError(FetchError):
    """More than ``limit`` redirects in a row; ``url`` is where they began."""

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(
            url,
            f"Сайт перенаправляет с {_shown(url)} больше {limit} раз подряд. "
            "Откройте адрес в браузере и укажите тот, на котором он остановится.",
        )
        self.limit = limit


class HttpStatusError(FetchError):
    """The site answered with a status that was not expected.

    ``body_start`` is the beginning of the answer's text, for rules that tell one
    refusal from another; it is never logged.
    """

    def __init__(
        self,
        url: str,
        status: int,
        body_start: str = "",
        *,
        retry_after: float | None = None,
        message: str | None = None,
    ) -> None:
        advice = _STATUS_ADVICE.get(status, _SERVER_ADVICE if status >= 500 else _OTHER_ADVICE)
        super().__init__(url, message or f"Сайт ответил {status} на {_shown(url)}. {advice}")
        self.status = status
        self.body_start = body_start
        self.retry_after = retry_after
        self.retryable = status in RETRIED_STATUSES


class RetryTooLateError(HttpStatusError):
    """The site asks to come back later than we are ready to wait (``retry_after`` seconds)."""

    def __init__(self, url: str, status: int, body_start: str, *, retry_after: float, limit: float) -> None:
        super().__init__(
            url,
            status,
            body_start,
            retry_after=retry_after,
            message=(
                f"Сайт ответил {status} на {_shown(url)} и просит вернуться через {retry_after:.0f} с; "
                f"столько ждать не стали (предел {limit:g} с). Повторите обход позже."
            ),
        )
        self.retryable = False


class DisallowedError(FetchError):
    """The site's robots.txt forbids this address to us."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            f"Файл robots.txt сайта запрещает обходить {_shown(url)}. "
            "Исключите этот адрес или попросите владельца сайта открыть его для обхода.",
        )


class RobotsUnavailableError(FetchError):
    """robots.txt could not be read, which by RFC 9309 forbids the whole site for now."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            url,
            f"Не удалось прочитать {_shown(url)}, а без него обходить сайт нельзя (RFC 9309). "
            f"Причина: {reason}",
        )
        self.reason = reason


class NotJson(FetchError):  # noqa: N818  # the name other rooms were promised
    """The answer was expected to be JSON and is not."""

    def __init__(self, url: str, content_type: str) -> None:
        super().__init__(
            url,
            f"Сайт ответил на {_shown(url)} не в формате JSON (Content-Type: {content_type or 'нет'}). "
            "Вероятно, этот интерфейс на сайте закрыт: укажите другой способ обхода.",
        )
        self.content_type = content_type


class ExtractionError(SearchServiceError):
    """A page was fetched, but no article can be read out of it; ``subject`` is its address or key."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(
            f"Не удалось извлечь статью из «{_ESCAPED_LETTERS.sub(_unescaped, subject)}»: {reason}. "
            "Проверьте, что по этому адресу статья и что она открыта для всех."
        )
        self.subject = subject
        self.reason = reason


class UnexpectedAnswerError(FetchError):
    """The answer is JSON, but not what this interface gives."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            url,
            f"Сайт ответил на {_shown(url)} не так, как отвечает WordPress: {reason}. "
            "Возможно, мешает плагин безопасности или кэш: сообщите владельцу сайта.",
        )
        self.reason = reason


class RestClosedError(FetchError):
    """A WordPress site gives no REST; ``found`` says what came instead, by address."""

    def __init__(self, url: str, found: str) -> None:
        super().__init__(
            url,
            f"REST API сайта закрыт для нас ({found}). Попросите владельца сайта открыть для чтения "
            "/wp-json/wp/v2/posts (обычно его закрывает плагин безопасности) и повторите обход.",
        )
        self.found = found


class NotWordPressError(SearchServiceError):
    """There is no WordPress at ``url`` that lets its posts be read; ``found`` says what there is instead."""

    def __init__(self, url: str, found: str, *, wordpress: bool) -> None:
        if wordpress:
            said = (
                f"Сайт {_shown(url)} сделан на WordPress, но его REST API закрыт ({found}), а без него "
                "статьи не собрать. Попросите владельца сайта открыть для чтения /wp-json/wp/v2/posts "
                "(обычно его закрывает плагин безопасности) и добавьте сайт снова."
            )
        else:
            said = (
                f"По адресу {_shown(url)} не нашлось сайта на WordPress ({found}). Проверьте адрес: "
                "нужна главная страница сайта. Статьи других сайтов загружают файлом: "
                "searchsvc import ФАЙЛ.jsonl."
            )
        super().__init__(said)
        self.url = url
        self.found = found


class UnreadableSourceError(SearchServiceError):
    """The source's kind has no reader: files fill it, not crawls."""

    def __init__(self, source: str, kind: str) -> None:
        super().__init__(
            f"Источник «{source}» (вид «{kind}») нельзя обойти: его пополняют файлами. "
            "Загрузите новые статьи: searchsvc import ФАЙЛ.jsonl."
        )
        self.source = source
        self.kind = kind

"""When the worker has sources crawled by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from corpus.archive import Run
from corpus.article import Source
from indexer.worker import SCHEDULE_SECONDS, Schedule

NOW = datetime(2024, 9, 1, 12, 0, tzinfo=UTC)
SITE = Source(id="a.ru", url="https://a.ru/", kind="wordpress")


def runs(hours_ago: float) -> dict[str, Run]:
    return {"a.ru": Run(1, "a.ru", NOW - timedelta(hours=hours_ago), None, {}, "")}


@pytest.mark.parametrize(
    ("last", "due"), [({}, ["a.ru"]), (runs(5.9), []), (runs(6), ["a.ru"]), (runs(100), ["a.ru"])]
)
def test_sources_are_due_when_their_last_crawl_is_old(last: dict[str, Run], due: list[str]) -> None:
    assert Schedule(timedelta(hours=6)).due([SITE], last, NOW) == due


def test_a_source_is_not_asked_for_again_when_its_crawl_left_no_trace() -> None:
    schedule = Schedule(timedelta(hours=6))
    moments = [NOW + timedelta(hours=hours) for hours in (0, 3, 5.9, 6)]
    assert [schedule.due([SITE], {}, moment) for moment in moments] == [["a.ru"], [], [], ["a.ru"]]


def test_files_have_no_schedule() -> None:
    files = Source(id="b.ru", url="https://b.ru/", kind="import")
    assert Schedule(timedelta(hours=6)).due([files], {}, NOW) == []


def test_without_a_setting_there_is_no_schedule() -> None:
    assert not Schedule(timedelta(0)).is_time()
    seconds = [0.0]
    schedule = Schedule(timedelta(hours=1), clock=lambda: seconds[0])
    looked = [schedule.is_time(), schedule.is_time()]
    seconds[0] = SCHEDULE_SECONDS
    assert [*looked, schedule.is_time()] == [True, False, True]

"""What goes on until it is stopped: demo, serve, worker; and commands beside a worker."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

import pytest
from beds.commands import Done, Gate, Run, add_school, command, eventually, row, started
from beds.fake_wordpress import FakeWordPress
from beds.site import Reply

from corpus.archive import Archive
from indexer.desk import Desk
from indexer.worker import worker_is_running
from searchsvc.settings import Settings, load_settings

pytest_plugins = ["beds.school"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by POSIX signals here")

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Output:
    """Reads what a process prints without ever blocking it."""

    def __init__(self, stream: IO[str] | None) -> None:
        assert stream is not None
        self._stream = stream
        self.text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self.text += line

    def rest(self) -> str:
        self._thread.join(10)
        return self.text


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def port_of(output: Output) -> int:
    eventually(lambda: ADDRESS.search(output.text), 30)
    found = ADDRESS.search(output.text)
    assert found
    return int(found[1])


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> int:
    begin = time.monotonic()
    process.send_signal(number)
    code = process.wait(20)
    assert time.monotonic() - begin < 8
    return code


# demo


def test_the_demo_shows_everything_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    begin = time.monotonic()
    with started(tmp_path / "data", "demo") as process:
        out, err = Output(process.stdout), Output(process.stderr)
        port = port_of(out)
        assert time.monotonic() - begin < 20
        status, page = get(port, "/search?q=" + quote("Образовfybt"))
        assert status == 200
        assert "Показаны результаты по запросу" in page
        eventually(lambda: "Ctrl-C" in out.text)
        links = re.findall(r"http://127\.0\.0\.1:\d+/search\?q=\S+", out.text)
        assert len(links) == 3
        for link in links:
            parts = urlsplit(link)
            found = json.loads(get(port, f"/api/v1/search?{parts.query}")[1])
            assert found["total"] > 0
        assert worker_is_running(load_settings(data_dir=tmp_path / "data"))
        assert stopped(process, signal.SIGINT) == 0
        printed, complained = out.rest(), err.rest()
    assert "Образовfybt" in printed
    assert "Traceback" not in complained
    first = re.search(r"127\.0\.0\.\d+|localhost|\[::1\]", printed + complained)
    assert first
    assert printed[first.start() - 7 :].startswith(f"http://127.0.0.1:{port}\n")


def test_a_second_demo_finds_its_data_and_another_port(tmp_path: Path) -> None:
    with started(tmp_path / "data", "demo") as first:
        port = port_of(Output(first.stdout))
        with started(tmp_path / "data", "demo", extra={"SEARCHSVC_PORT": str(port)}) as second:
            out, err = Output(second.stdout), Output(second.stderr)
            other = port_of(out)
            assert other != port
            assert get(other, "/readyz")[0] == 200
            assert stopped(second, signal.SIGTERM) == 0
        assert "уже есть архив: 92 статьи" in err.rest()
        assert get(port, "/readyz")[0] == 200, "the first one goes on"


def test_the_demo_leaves_an_archive_of_ones_own_alone(tmp_path: Path, searchsvc: Run) -> None:
    own = row({"url": "https://school5.ru/1/", "title": "Наша новость", "body": "Текст"})
    assert searchsvc("import", "-", stdin=own).code == 0
    with started(tmp_path / "data", "demo", "--port", "0") as process:
        port = port_of(Output(process.stdout))
        assert json.loads(get(port, "/api/v1/search?q=" + quote("новость"))[1])["total"] == 1
        stopped(process, signal.SIGINT)
    with Archive.open(tmp_path / "data" / "archive.db") as archive:
        assert archive.count() == 1


def test_the_demo_heals_a_damaged_index(own_sample: Settings) -> None:
    (own_sample.index_dir / "current.json").write_text("{", encoding="utf-8")
    with started(own_sample.data_dir, "demo") as process:
        port = port_of(Output(process.stdout))
        assert get(port, "/readyz")[0] == 200
        stopped(process, signal.SIGINT)


# serve


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int, Output]]:
    with started(folder, "serve", "--port", "0", *arguments) as process:
        err = Output(process.stderr)
        yield process, port_of(Output(process.stdout)), err


def test_serve_answers_and_has_no_worker(own_sample: Settings) -> None:
    with served(own_sample.data_dir) as (process, port, err):
        assert get(port, "/search?q=" + quote("школа"))[0] == 200
        assert get(port, "/healthz") == (200, "ok\n")
        assert not worker_is_running(own_sample)
        assert stopped(process, signal.SIGTERM) == 0
        assert "Traceback" not in err.rest()


def test_serve_sees_a_new_index_within_a_moment(own_sample: Settings, searchsvc: Run) -> None:
    news = row({"url": "https://school5.ru/1/", "title": "Синхрофазотрон", "body": "Текст"})
    with served(own_sample.data_dir) as (_, port, _):
        address = "/api/v1/search?correct=off&q=" + quote("синхрофазотрон")
        assert json.loads(get(port, address)[1])["total"] == 0
        assert searchsvc("import", "-", stdin=news, folder=own_sample.data_dir).code == 0
        eventually(lambda: json.loads(get(port, address)[1])["total"] == 1, 2)


def test_without_an_index_serve_answers_503_until_there_is_one(tmp_path: Path, searchsvc: Run) -> None:
    with served(tmp_path / "data") as (_, port, err):
        assert get(port, "/search?q=a")[0] == 503
        assert "searchsvc rebuild" in err.text
        news = row({"url": "https://school5.ru/1/", "title": "Новость", "body": "Текст"})
        assert searchsvc("import", "-", stdin=news).code == 0
        eventually(lambda: get(port, "/search?q=a")[0] == 200, 5)


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_a_port_in_use_is_named(own_sample: Settings, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command(own_sample.data_dir, name, "--port", str(port))
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"Сайт не запущен на 127.0.0.1:{port}: порт занят другой программой. "
        "Остановите её или укажите другой порт: --port N\n"
    )


def test_a_second_server_cannot_share_the_port(own_sample: Settings) -> None:
    with served(own_sample.data_dir) as (_, port, _):
        assert command(own_sample.data_dir, "serve", "--port", str(port)).code == 4


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_named(own_sample: Settings, host: str) -> None:
    done = command(own_sample.data_dir, "serve", "--host", host, "--port", "0")
    assert done.code == 4
    assert f"{host}:0" in done.err
    assert "--host" in done.err


def test_forwarded_headers_count_from_the_trusted_proxy_only(own_sample: Settings) -> None:
    for proxy, wanted in (("", "http://127.0.0.1"), ("127.0.0.1", "https://news.example")):
        extra = {"SEARCHSVC_TRUSTED_PROXY": proxy}
        with started(own_sample.data_dir, "serve", "--port", "0", extra=extra) as process:
            port = port_of(Output(process.stdout))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "news.example"}
            connection.request("GET", "/api/v1/search?q=a", headers=forwarded)
            links = json.loads(connection.getresponse().read())["links"]
            connection.close()
        assert links["self"].startswith(wanted)


# worker, and commands beside it


@contextmanager
def at_work(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Output]]:
    with started(folder, "worker") as process:
        out = Output(process.stdout)
        eventually(lambda: "Исполнитель работает" in out.text)
        yield process, out


def test_commands_hand_their_work_to_the_worker_and_tell_what_came_of_it(
    settings: Settings, school: FakeWordPress, searchsvc: Run
) -> None:
    add_school(settings, school)
    with at_work(settings.data_dir) as (process, out):
        for arguments, said in (
            (
                ["crawl"],
                "school.ru: новых 3, изменённых 0, без изменений 0, удалённых 0.\nПостроен индекс g000001",
            ),
            (["sync"], "Индекс уже в порядке"),
            (["rebuild"], "Построен индекс g000002: 3 статьи"),
            (["reextract", "school.ru"], "school.ru: новых 0, изменённых 0, без изменений 3"),
        ):
            done = searchsvc(*arguments)
            assert done.code == 0, done.err
            assert done.out.startswith(said)
            assert "Работает исполнитель: ему передано задание №" in done.err
        with Desk.open(settings.desk_address) as desk:
            jobs = [desk.job(number) for number in range(1, 5)]
            assert [job.kind for job in jobs] == ["crawl", "sync", "rebuild", "reextract"]
            assert {job.worker for job in jobs} == {process.pid}
        assert stopped(process, signal.SIGINT) == 0
        assert "Задание № 1 (crawl school.ru): начато" in out.rest()


def test_what_the_worker_cannot_do_ends_the_command_with_its_code(
    settings: Settings, school: FakeWordPress, searchsvc: Run
) -> None:
    add_school(settings, school)
    assert searchsvc("crawl").code == 0
    with at_work(settings.data_dir):
        school.trouble = lambda route, query: Reply(b"", status=403)
        failed = searchsvc("crawl")
        assert failed.code == 1
        assert "REST" in failed.err
        wrong = searchsvc("rebuild", "--engine", "sphinx")
        assert wrong.code == 1
        assert "Неизвестный движок «sphinx»" in wrong.err


def test_a_second_worker_is_told(settings: Settings) -> None:
    with at_work(settings.data_dir) as (process, _):
        done = command(settings.data_dir, "worker")
        assert (done.code, done.out) == (3, "")
        assert f"процесс {process.pid} " in done.err


def test_a_command_whose_worker_is_killed_does_the_work_itself(
    settings: Settings, school: FakeWordPress
) -> None:
    add_school(settings, school)
    gate = Gate(school)
    done: list[Done] = []
    with at_work(settings.data_dir) as (process, _):
        following = threading.Thread(target=lambda: done.append(command(settings.data_dir, "crawl")))
        following.start()
        assert gate.reached.wait(30)
        process.kill()
        process.wait()
        gate.opened.set()
        following.join(60)
    assert done[0].code == 0, done[0].err
    assert "Исполнитель остановился: команда работает сама." in done[0].err
    assert "Построен индекс g000001: 3 статьи" in done[0].out
    with Desk.open(settings.desk_address) as desk:
        # The job was taken back: no later worker does it again.
        assert (desk.waiting(), desk.running(), desk.last_ended()) == (0, None, None)


def test_a_command_that_is_interrupted_leaves_its_job_to_the_worker(
    settings: Settings, school: FakeWordPress
) -> None:
    add_school(settings, school)
    gate = Gate(school)
    with at_work(settings.data_dir), started(settings.data_dir, "crawl") as following:
        err = Output(following.stderr)
        assert gate.reached.wait(30)
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
        gate.opened.set()
        assert "Задание № 1 остаётся у исполнителя" in err.rest()
        with Desk.open(settings.desk_address) as desk:
            eventually(lambda: desk.job(1).state == "done")


def test_a_worker_started_by_an_entry_point_logs_to_stderr_only_when_asked(settings: Settings) -> None:
    with started(settings.data_dir, "worker", extra={"SEARCHSVC_LOG_LEVEL": "INFO"}) as process:
        out, err = Output(process.stdout), Output(process.stderr)
        eventually(lambda: "Исполнитель работает" in out.text)
        with Desk.open(settings.desk_address) as desk:
            number = desk.queue("rebuild")
            eventually(lambda: desk.job(number).ended)
        stopped(process, signal.SIGTERM)
        assert "job.begin id=1 kind=rebuild" in err.rest()
        assert "job.begin" not in out.rest()

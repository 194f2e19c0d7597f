"""The command line as such: help that teaches, complaints in Russian, exit codes, safe streams."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from beds.commands import ROOT, Run, command, environment, eventually, row, started

from web.cli import cli, run
from web.commands.base import Group
from web.console import LINE_SECONDS, Lines

pytest_plugins = ["beds.school"]

LATIN_WORDS = re.compile(
    r"\b(?:[Uu]sage|[Oo]ptions?|[Cc]ommands?|[Ss]how|[Ee]rror|[Mm]issing|[Nn]o such|[Tt]ry)\b"
)


def every_command(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, each in group.commands.items():
        yield (*path, name)
        if isinstance(each, Group):
            yield from every_command(each, (*path, name))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def without_options(text: str) -> str:
    return re.sub(r"--[a-z-]+", "", text)


# Help


def test_there_is_every_command_that_scripts_rely_on() -> None:
    names = {" ".join(path) for path in every_command()}
    wanted = "demo crawl sync rebuild rollback reextract purge backup serve worker status query analyse"
    assert {*wanted.split(), "import", "export", "source add", "source list", "source remove"} <= names


@pytest.mark.parametrize("path", [(), *every_command()], ids=" ".join)
def test_help_teaches_in_russian_with_an_example(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, *path, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Вызов: {' '.join(('searchsvc', *path))} ")
    example = out.partition("Пример:\n")[2].partition("\n\n")[0]
    assert " ".join(("searchsvc", *path)) in example
    assert "--data-dir" in out
    assert not LATIN_WORDS.search(without_options(out))


@pytest.mark.parametrize("path", [path for path in every_command() if path != ("source",)], ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert all(param.help for param in found.params if isinstance(param, click.Option))


def test_examples_of_help_are_commands_that_exist() -> None:
    names = {" ".join(path) for path in every_command()}
    for path in every_command():
        found: click.Command = cli
        for name in path:
            assert isinstance(found, click.Group)
            found = found.commands[name]
        for line in re.findall(r"searchsvc ([a-z]+(?: [a-z]+)?)", found.help or ""):
            assert line in names or line.split()[0] in names, line


def test_the_readme_has_every_command() -> None:
    table = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    documented = {word for line in table for word in re.findall(r"[a-z]+", line.split(" | ")[0])}
    assert {path[-1] for path in every_command()} <= documented


@pytest.mark.parametrize("path", [(), ("source",)])
def test_a_group_alone_shows_its_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, *path)
    assert (code, err) == (0, "")
    assert "Команды:" in out


def test_help_comes_at_once(tmp_path: Path) -> None:
    command(tmp_path, "--help")  # compiles what is new
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        assert command(tmp_path, "--help").code == 0
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.5


def test_help_loads_no_part_of_the_search(tmp_path: Path) -> None:
    slow = "'flask', 'sqlalchemy', 'numpy', 'rich', 'pydantic'"
    code = f"import sys, web.cli; print({{{slow}}} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(tmp_path), check=True
    )
    assert done.stdout == "set()\n"


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "--version")
    assert code == 0
    assert out.startswith("searchsvc ")


# Complaints


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["crawll"], "Команды «crawll» нет. Похожая: crawl. Справка: searchsvc --help"),
        (["source", "ad"], "Команды «ad» нет. Похожая: add. Справка: searchsvc source --help"),
        (["source", "add"], "Не указано: АДРЕС. Справка: searchsvc source add --help"),
        (["query"], "Не указано: ЗАПРОС. Справка: searchsvc query --help"),
        (["sync", "now"], "Лишнее в команде: «now». Справка: searchsvc sync --help"),
        (["crawl", "--ful"], "Параметра --ful нет. Похожий: --full. Справка: searchsvc crawl --help"),
        (["--nonsense"], "Параметра --nonsense нет. Справка: searchsvc --help"),
        (["serve", "--port", "80a"], "--port: нужно целое число от 0 до 65535, а не «80a»."),
        (["serve", "--port", "65536"], "--port: нужно целое число от 0 до 65535, а не «65536»."),
        (["source", "add", "a.ru", "--delay", "-1"], "--delay: нужно число от 0 до 60, а не «-1»."),
        (["import", "x", "--on-error", "die"], "--on-error: «die» не подходит; есть: stop, skip."),
        (["query", "школа", "--jsn"], "Параметра --jsn нет."),
        (["query", "школа", "--page", "0", "--sort", "a"], "--page: нужно целое число от 1; --sort: "),
        (["query", "школа", "--from", "1.2.2024"], "Запрос составлен неверно: --from: "),
    ],
)
def test_a_wrong_call_is_explained(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = told(capsys, "--data-dir", str(tmp_path / "data"), *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "\n" not in err.strip()
    assert not LATIN_WORDS.search(without_options(err))


def test_an_option_without_its_value_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capsys, "serve", "--port")
    assert (code, err.startswith("Параметр --port указан неверно")) == (2, True)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SEARCHSVC_PROT": "80"}, "Неизвестная переменная SEARCHSVC_PROT"),
        ({"SEARCHSVC_PORT": "99999"}, "port"),
        ({"SEARCHSVC_CONFIG": "/nowhere.toml"}, "Файла настроек «/nowhere.toml»"),
    ],
)
def test_a_wrong_setting_is_named(
    searchsvc: Run, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = searchsvc("status")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("place", ["before", "after"])
def test_common_options_stand_before_or_after_the_command(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHSVC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEARCHSVC_CONFIG", "")  # --config sets it: what it was comes back
    config = tmp_path / "ours.toml"
    config.write_text('crawl_contact = "a@b.ru"\nengine = "whoosh"\n', encoding="utf-8")
    options = ["--data-dir", str(tmp_path / "other"), "--config", str(config)]
    order = [*options, "status"] if place == "before" else ["status", *options]
    code, out, _ = told(capsys, *order)
    assert code == 0
    assert f"Папка данных: {tmp_path / 'other'}\n" in out
    config.write_text("engin = 1", encoding="utf-8")
    assert told(capsys, *order)[0] == 2


UNFORESEEN = """
import sys
from web import cli
import click

@cli.cli.command("break")
def broken() -> None:
    if sys.argv[1] == "interrupt":
        raise KeyboardInterrupt
    from web.console import configure_logging
    configure_logging(sys.argv[1])
    raise ZeroDivisionError("деление на ноль")

cli.main(["break"])
"""


@pytest.mark.parametrize(("level", "traced"), [("WARNING", False), ("DEBUG", True)])
def test_an_unforeseen_error_is_one_line_unless_debugging(tmp_path: Path, level: str, traced: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNFORESEEN, level],
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 70
    assert ("Traceback" in done.stderr) is traced
    assert "деление на ноль" in done.stderr
    assert traced or "SEARCHSVC_LOG_LEVEL=DEBUG" in done.stderr


def test_an_interrupted_command_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNFORESEEN, "interrupt"],
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path),
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (130, "")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX")
def test_ctrl_c_ends_a_command_that_waits(tmp_path: Path) -> None:
    with started(tmp_path / "data", "analyse") as process:  # stdin is /dev/null: it ends by itself
        assert process.wait(20) == 0
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "import", "-"],
        stdin=reading,
        stderr=subprocess.PIPE,
        env=environment(tmp_path / "data"),
    )
    eventually(lambda: (tmp_path / "data" / "archive.db").exists())
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    os.close(reading)
    os.close(writing)
    assert (process.returncode, b"Traceback" in err) == (130, False)


# Streams


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, searchsvc: Run) -> None:
    rows = b"".join(  # far more than a pipe holds
        row({"url": f"https://a.ru/{n}", "title": "Новость", "body": "Текст " * 500}) for n in range(60)
    )
    assert searchsvc("import", "-", stdin=rows).code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "export"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path / "data"),
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(20) == 141


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "koi8-r"])
def test_output_is_utf_8_whatever_the_locale_says(tmp_path: Path, encoding: str) -> None:
    done = command(tmp_path, "analyse", "ёлка \udcff", "--json", extra={"PYTHONIOENCODING": encoding})
    assert done.code == 0
    assert json.loads(done.out)[0]["form"] == "ёлка"
    assert "Справка" in command(tmp_path, "frob", extra={"PYTHONIOENCODING": encoding}).err


def test_progress_is_a_line_now_and_then_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = 0.0
    lines = Lines(clock=lambda: seconds)
    for done in range(40):
        lines("Разбор статей", done * 500, 20_000)
        seconds += 0.25
    lines("Проверка", 0, None)
    lines("Проверка", 0, None)
    seconds += LINE_SECONDS
    lines("Поиск похожих", 7, None)
    assert capsys.readouterr().err.splitlines() == [
        "Разбор статей: 2000 из 20\u202f000",
        "Разбор статей: 8000 из 20\u202f000",
        "Разбор статей: 14\u202f000 из 20\u202f000",
        "Проверка…",
        "Поиск похожих: 7",
    ]


def on_a_terminal(folder: Path, *arguments: str, typed: bytes = b"") -> tuple[int, bytes, str]:
    """Run a command whose stderr (and stdin) is a terminal; return its code, stdout and what is drawn."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", *arguments],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment(folder, {"TERM": "xterm", "COLUMNS": "100"}),
        cwd=folder.parent,
    )
    os.close(slave)
    os.write(master, typed)
    drawn: list[bytes] = []

    def draw() -> None:
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while chunk := os.read(master, 65536):
                drawn.append(chunk)

    drawing = threading.Thread(target=draw)
    drawing.start()
    out, _ = process.communicate(timeout=30)
    drawing.join(10)
    os.close(master)
    return process.returncode, out, b"".join(drawn).decode(errors="replace")


def some_rows(number: int) -> bytes:
    return b"".join(
        row({"url": f"https://a.ru/{n}", "title": "Новость", "body": "Текст"}) for n in range(number)
    )


terminal = pytest.mark.skipif(sys.platform == "win32", reason="terminals differ there")


@terminal
def test_progress_is_a_bar_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(some_rows(50))
    code, out, drawn = on_a_terminal(tmp_path / "data", "import", str(tmp_path / "rows.jsonl"))
    assert code == 0
    assert "Разбор и индексация статей" in drawn
    assert "━" in drawn
    assert "Построен индекс g000001: 50 статей" in out.decode()


@terminal
def test_a_bar_beside_it_takes_nothing_from_the_output(tmp_path: Path, searchsvc: Run) -> None:
    searchsvc("import", "-", stdin=some_rows(50))
    code, out, drawn = on_a_terminal(tmp_path / "data", "export")
    assert code == 0
    assert len([json.loads(line) for line in out.splitlines()]) == 50
    assert "Выгружено: 50 статей." in drawn
    assert "https://a.ru" not in drawn


@terminal
def test_a_person_is_asked_before_anything_is_destroyed(tmp_path: Path, searchsvc: Run) -> None:
    data = tmp_path / "data"
    searchsvc("import", "-", stdin=some_rows(2))
    code, out, drawn = on_a_terminal(data, "purge", "https://a.ru/1", typed="нет\n".encode())
    assert (code, out) == (0, b"")
    assert "Уничтожить статью «Новость»" in drawn
    assert "Ничего не изменено." in drawn
    code, out, _ = on_a_terminal(data, "source", "remove", "a.ru", typed=b"\n")
    assert (code, out) == (0, b"")
    code, out, _ = on_a_terminal(data, "purge", "https://a.ru/1", typed="да\n".encode())
    assert "уничтожена" in out.decode()
    code, out, _ = on_a_terminal(data, "source", "remove", "a.ru", "--yes")
    assert out.decode().startswith("Источник a.ru убран, с ним 1 статья.")

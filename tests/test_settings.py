"""Settings: arguments before environment before the file, and every mistake named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from searchsvc.errors import SettingsError
from searchsvc.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start in an empty folder, without variables of ours."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "searchsvc.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path.absolute()


def refusal(**given: object) -> str:
    """Return the message with which settings are refused."""
    with pytest.raises(SettingsError) as caught:
        load_settings(**given)
    assert caught.value.exit_code == 2
    return str(caught.value)


# Where values come from


def test_without_anything_the_defaults_hold_and_no_file_is_made() -> None:
    settings = load_settings()
    assert (settings.data_dir, settings.engine) == (Path("data"), "whoosh")
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert list(Path().iterdir()) == []


def test_the_file_of_the_working_folder_is_read() -> None:
    write(
        'port = 9001\nsite_title = "Школы области"\nquery_log = false\ncrawl_delay = 0.5\ndata_dir = "архив"'
    )
    settings = load_settings()
    assert (settings.port, settings.site_title, settings.query_log) == (9001, "Школы области", False)
    assert (settings.crawl_delay, settings.data_dir) == (0.5, Path("архив"))


def test_a_named_file_is_read_instead_of_that_of_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port = 9001")
    monkeypatch.setenv("SEARCHSVC_CONFIG", str(write("threads = 7", "other.toml")))
    settings = load_settings()
    assert (settings.port, settings.threads) == (8080, 7)


def test_the_environment_goes_before_the_file_and_arguments_before_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("port = 9001\nthreads = 2\nlog_level = 'INFO'")
    monkeypatch.setenv("SEARCHSVC_PORT", "9002")
    monkeypatch.setenv("SEARCHSVC_THREADS", "3")
    settings = load_settings(port=9003, threads=None)
    assert (settings.port, settings.threads, settings.log_level) == (9003, 3, "INFO")


def test_empty_variables_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port = 9001")
    monkeypatch.setenv("SEARCHSVC_PORT", "")
    monkeypatch.setenv("SEARCHSVC_CONFIG", "")
    assert load_settings().port == 9001


def test_names_of_variables_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("searchsvc_port", "9002")
    assert load_settings().port == 9002


def test_every_setting_can_be_given_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(PREFIX + name.upper(), str(getattr(defaults, name)))
    assert load_settings() == defaults


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


# What is made of them


def test_all_files_lie_in_the_data_folder_unless_addresses_say_otherwise() -> None:
    settings = load_settings(data_dir="d")
    assert settings.archive_address == Path("d/archive.db")
    assert settings.desk_address == Path("d/desk.db")
    assert settings.query_log_path == Path("d/queries.db")
    assert settings.index_dir == Path("d/index")
    other = load_settings(data_dir="d", archive_url="postgresql://db/news", desk_url="postgresql://db/desk")
    assert other.archive_address == "postgresql://db/news"
    assert other.desk_address == "postgresql://db/desk"


def test_a_data_folder_in_the_home_folder_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCHSVC_DATA_DIR", "~/news")
    assert load_settings().data_dir == Path.home() / "news"


def test_a_home_folder_of_nobody_is_refused() -> None:
    assert "data_dir: " in refusal(data_dir="~nobody-of-this-name/news")


def test_a_public_address_is_kept_without_its_last_slash() -> None:
    assert (
        load_settings(public_url="https://news.example/search/").public_url == "https://news.example/search"
    )


# Mistakes


def test_a_misspelt_variable_is_named_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCHSVC_PROT", "9002")
    message = refusal()
    assert "SEARCHSVC_PROT" in message
    assert "SEARCHSVC_PORT" in message
    assert "SEARCHSVC_CONFIG" in message


def test_a_misspelt_name_in_the_file_is_named() -> None:
    write("prot = 9001")
    assert "prot" in refusal()
    write("[server]\nport = 9001")
    assert "server" in refusal()


def test_an_argument_nobody_knows_is_named() -> None:
    assert "prot" in refusal(prot=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "порт"),
        ("port", "-1"),
        ("port", "65536"),
        ("threads", "0"),
        ("threads", "65"),
        ("query_log", "иногда"),
        ("crawl_delay", "-0.1"),
        ("crawl_delay", "61"),
        ("crawl_every_hours", "-1"),
        ("log_level", "LOUD"),
        ("public_url", "news.example"),
        ("public_url", "ftp://news.example/"),
        ("public_url", "https:///search"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    assert f"{name}: " in refusal()
    monkeypatch.delenv(PREFIX + name.upper())
    write(f'{name} = "{value}"')
    assert f"{name}: " in refusal()
    Path("searchsvc.toml").unlink()
    assert f"{name}: " in refusal(**{name: value})


def test_an_empty_title_is_refused() -> None:
    assert "site_title: " in refusal(site_title="")


def test_all_wrong_values_are_named_at_once() -> None:
    message = refusal(port="x", threads=0)
    assert "port: " in message
    assert "threads: " in message


def test_the_example_of_a_public_address_is_shown() -> None:
    assert "https://news.example/search" in refusal(public_url="news.example")


@pytest.mark.parametrize("content", ["port = ", "port: 80", "порт = 80", "[", "port = 1\nport = 2", "\x00"])
def test_a_file_that_is_not_toml_is_named(content: str) -> None:
    write(content)
    message = refusal()
    assert "не читается" in message
    assert "searchsvc.toml" in message


def test_a_file_in_another_encoding_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("windows.toml")
    path.write_bytes('site_title = "Школы"'.encode("cp1251"))
    monkeypatch.setenv("SEARCHSVC_CONFIG", str(path))
    message = refusal()
    assert "не читается" in message
    assert "windows.toml" in message


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCHSVC_CONFIG", "/proc/self/mem")  # not even by root
    assert "«/proc/self/mem» не читается" in refusal()


def test_a_missing_file_is_named_with_the_variable_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("нет.toml", "."):
        monkeypatch.setenv("SEARCHSVC_CONFIG", name)
        message = refusal()
        assert f"«{name}»" in message
        assert "SEARCHSVC_CONFIG" in message

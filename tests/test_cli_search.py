"""``query`` and ``analyse``: what the API and the site say, in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from beds.commands import command

from searchsvc.bootstrap import open_service
from searchsvc.language.analysis import Analyzer
from searchsvc.settings import Settings
from web.app import create_app
from web.cli import run
from web.server import address


def told(capsys: pytest.CaptureFixture[str], settings: Settings, *arguments: str) -> tuple[int, str, str]:
    code = run(["--data-dir", str(settings.data_dir), *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# query


def test_query_answers_as_the_api_does(capsys: pytest.CaptureFixture[str], sample_settings: Settings) -> None:
    arguments = ["--per-page", "3", "--page", "2", "--sort", "-date", "--from", "2016-01-01"]
    code, out, err = told(capsys, sample_settings, "query", "школа", "--json", *arguments)
    assert (code, err) == (0, "")
    service, live = open_service(sample_settings, Analyzer())
    quiet = sample_settings.model_copy(update={"query_log": False})
    parameters = {"q": "школа", "per_page": "3", "page": "2", "sort": "-date", "from": "2016-01-01"}
    base = address(sample_settings.host, sample_settings.port)
    with create_app(service, quiet).test_client() as client:
        answer = client.get("/api/v1/search", query_string=parameters, base_url=base)
    live.close()
    ours, theirs = json.loads(out), answer.get_json()
    del ours["took_ms"], theirs["took_ms"]
    assert ours == theirs
    assert len(ours["results"]) == 3


def test_filters_and_dates_narrow(capsys: pytest.CaptureFixture[str], sample_settings: Settings) -> None:
    def total(*arguments: str) -> int:
        return int(
            json.loads(told(capsys, sample_settings, "query", "школа", "--json", *arguments)[1])["total"]
        )

    facets = json.loads(told(capsys, sample_settings, "query", "школа", "--json")[1])["facets"]
    first, second = facets["category"][:2]
    assert total("--category", first["value"]) == first["count"]
    both = total("--category", first["value"], "--category", second["value"])
    assert max(first["count"], second["count"]) < both <= first["count"] + second["count"]
    source = facets["source"][0]
    assert total("--source", source["value"]) == source["count"]
    assert 0 < total("--from", "2020-01-01", "--to", "2020-12-31") < total()


def test_a_wrong_layout_is_repaired_and_said(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    code, out, _ = told(capsys, sample_settings, "query", "Образовfybt")
    assert code == 0
    assert out.startswith("Показаны результаты по запросу «Образование».\nНайдено: ")
    code, out, _ = told(capsys, sample_settings, "query", "Образовfybt", "--correct", "off")
    assert code == 0
    assert out.startswith("По запросу «Образовfybt» нет полных совпадений.")


def test_words_need_no_quotes_and_may_begin_with_a_minus(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    quoted = told(capsys, sample_settings, "query", "итоги ЕГЭ -школа", "--json")
    plain = told(capsys, sample_settings, "query", "итоги", "ЕГЭ", "-школа", "--json")
    first, second = json.loads(quoted[1]), json.loads(plain[1])
    assert first["query"] == second["query"]
    assert first["query"]["original"] == "итоги ЕГЭ -школа"


def test_results_are_numbered_dated_and_paged(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    _, out, _ = told(capsys, sample_settings, "query", "школа", "--per-page", "2", "--page", "2")
    assert "\n3. " in out
    assert "\n4. " in out
    assert "\n5. " not in out
    assert "Дальше: --page 3" in out
    assert "\x1b" not in out, "no bold where nobody looks"


def test_near_matches_say_what_they_lack(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    _, out, _ = told(capsys, sample_settings, "query", "наставничество", "крокодил")
    assert out.startswith(
        "По запросу «наставничество крокодил» нет полных совпадений.\nПохожих, где есть не все слова: "
    )
    assert "  наставничество — встречается в " in out
    assert "   без слов: крокодил" in out


def test_reprints_are_named_under_their_row(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    _, out, _ = told(capsys, sample_settings, "query", "ресурсный", "класс", "первая", "четверть")
    assert (
        "\n   ещё 1 источник:\n     Министерство образования · "
        "Ресурсный класс в Каменном Броде: как прошла первая четверть · c022\n"
    ) in out


# analyse


def test_analyse_prints_tokens_as_evaluation_wants_them(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    text = "Учебно-методический  совет: 273-ФЗ"
    code, out, err = told(capsys, sample_settings, "analyse", text, "--json")
    tokens = json.loads(out)
    assert (code, err) == (0, "")
    assert [list(token) for token in tokens] == [["position", "start", "stop", "form", "lemmas"]] * len(
        tokens
    )
    assert all(text[token["start"] : token["stop"]] == token["form"] for token in tokens)
    assert [token["form"] for token in tokens][:4] == [
        "Учебно-методический",
        "Учебно",
        "методический",
        "совет",
    ]


def test_analyse_shows_a_table_without_json(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    _, out, _ = told(capsys, sample_settings, "analyse", "детей")
    assert out.split() == ["0", "0–5", "детей", "→", "ребёнок".replace("ё", "е")]


def test_analyse_reads_a_text_a_line_and_prints_an_array_a_line(tmp_path: Path) -> None:
    texts = "\ufeffПервая строка\r\n\r\nТретья\u2028строка\nпоследняя без конца".encode()
    done = command(tmp_path / "data", "analyse", "--json", stdin=texts + b"\nplokhaya \xff\n")
    assert (done.code, done.err) == (0, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    forms = [[token["form"] for token in line] for line in lines]
    assert forms == [
        ["Первая", "строка"],
        [],
        ["Третья", "строка"],
        ["последняя", "без", "конца"],
        ["plokhaya"],
    ]
    assert lines[0][0]["start"] == 0
    assert not (tmp_path / "data").exists()


def test_filters_facets_and_folding_are_those_of_the_api(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    narrowed = ("--year", "2022", "--fold", "false", "--facets", "year,source")
    code, out, _ = told(capsys, sample_settings, "query", "школа", "--json", *narrowed)
    answer = json.loads(out)
    assert code == 0
    assert set(answer["facets"]) == {"year", "source"}
    assert {result["published"][:4] for result in answer["results"]} == {"2022"}
    assert answer["rows"] == answer["total"] + answer["near_total"]
    refused = told(capsys, sample_settings, "query", "школа", "--person", "Никто Никтоев")
    assert refused[:2] == (1, "")
    assert "Поиск по людям, организациям и местам выключен." in refused[2]

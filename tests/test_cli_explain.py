"""``explain`` in a terminal: an editor sees why an article stands where it does."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from beds.commands import Run, news, rows

from searchsvc.answering import RERANKED
from searchsvc.bootstrap import open_archive
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.cli import run

pytest_plugins = ["beds.school"]

ADDRESS = "https://iro.verhneluzhsk.example/2022/12/08/istoriya-pary-iz-shkoly-14/"


def told(capsys: pytest.CaptureFixture[str], settings: Settings, *arguments: str) -> str:
    """Return what an explanation says, having checked that nothing else is said."""
    code = run(["--data-dir", str(settings.data_dir), "explain", *arguments])
    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], settings: Settings, *arguments: str) -> tuple[int, str]:
    code = run(["--data-dir", str(settings.data_dir), "explain", *arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def number(text: str) -> float:
    return float(text.replace(",", ".").replace("\u2212", "-"))


def test_a_full_match_is_told_part_by_part_and_word_by_word(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings, sample_service: SearchService
) -> None:
    page = sample_service.search(SearchRequest("наставничество в школах"))
    out = told(capsys, sample_settings, "наставничество", "в", "школах", "a019")
    assert out.startswith(
        "Наставник и его ученица: история пары из школы № 14\n"
        "  a019 · 8 декабря 2022 · Институт развития образования\n"
        f"  {ADDRESS}\n\n"
        "Запрос: наставничество в школах\n  служебные слова не обязательны: в\n\n"
        f"Место 3 из {page.rows}: есть всё, что в запросе.\n"
        f"  Статей, где есть всё: 7, похожих за ними: {page.near_total}; "
        "перепечатки одного текста стоят одной строкой.\n"
        "  Под ней свёрнута ещё 1 публикация того же текста.\n\nОценка "
    )
    assert "  наставничество: в той же форме (есть в 9 из 92 статей)\n    где: лид 1, метки 1\n" in out
    assert "  школах: в другой форме (есть в 67 из 92 статей)\n" in out
    assert "    формы: школе ×2, школы ×1\n" in out
    assert "    «Наставник и его ученица: история пары из школы № 14»\n" in out
    assert "родственные слова" not in out, "a part that gave nothing is not listed"
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "query", ["наставничество в школах", "наставник робот экзамен", "директорский музей"]
)
def test_what_is_shown_adds_up_to_the_last_digit(
    capsys: pytest.CaptureFixture[str],
    sample_settings: Settings,
    sample_service: SearchService,
    query: str,
) -> None:
    for hit in sample_service.search(SearchRequest(query, per_page=30)).hits[::4]:
        out = told(capsys, sample_settings, query, hit.id)
        (total,) = re.findall(r"^Оценка (\S+), из чего она сложилась$", out, re.MULTILINE)
        lines = re.findall(r"^  [а-яё ,]+?  +(\S+)(?:  (.*))?$", out, re.MULTILINE)
        assert number(total) == pytest.approx(hit.score, abs=0.0051)
        assert sum(number(value) for value, _ in lines) == pytest.approx(number(total))
        for value, words in lines:
            if gave := re.findall(r" (\d+,\d+)(?:,|$)", words):
                assert sum(map(number, gave)) == pytest.approx(number(value))


def test_a_near_match_says_what_it_lacks(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    out = told(capsys, sample_settings, "наставник", "робот", "экзамен", "a019")
    assert re.search(r"Место \d+ из \d+, среди похожих: не хватает: робот, экзамен\.\n", out)
    assert (
        "\n  На этом месте показана запись a018 «Наставник и его ученица: история одной пары» "
        "(Школа № 14, Каменный Брод, 5 декабря 2022).\n"
        "  Это тот же текст, и статья свёрнута под ней.\n" in out
    )
    assert "Статей, где есть всё, что в запросе: 1; похожие идут после них.\n" in out
    assert "  сдвиг на место после статей, где есть всё  " in out
    assert "  робот: нет (есть в 3 из 92 статей)\n" in out
    out = told(capsys, sample_settings, "наставничество", "крокодил", "a019")
    assert "Статей, где есть всё, что в запросе: нет.\n" in out
    assert "  крокодил: нет (нет ни в одной из 92 статей)\n" in out


def test_an_article_that_is_not_there_says_why(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    out = told(
        capsys, sample_settings, "школа", "-ученица", "a019", "--from", "2023-01-01", "--category", "Приказы"
    )
    assert "В ответе этой статьи нет.\n  Исключена условием «-ученица».\n  Не подходит по условию: " in out
    assert "\n  Не подходит по дате: статья опубликована 08.12.2022, а искали с 01.01.2023.\n" in out
    assert "Оценка" not in out


def test_what_was_made_of_the_query_is_told(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    out = told(capsys, sample_settings, "ghbrfp", "vbybcnthcndf", "a019")
    assert "Запрос: приказ министерства\n  исправлено: ghbrfp → приказ (другая раскладка)\n" in out
    out = told(capsys, sample_settings, "j,hfpjdfybt", "a019", "--correct", "suggest")
    assert "Запрос: j,hfpjdfybt\n  возможно, искали: образование\n" in out
    out = told(capsys, sample_settings, "школа " * 40, "a019")
    assert "  запрос очень длинный: прочитано только его начало\n" in out


def test_by_date_no_score_is_told(capsys: pytest.CaptureFixture[str], sample_settings: Settings) -> None:
    out = told(capsys, sample_settings, "школа", "a019", "--sort", "-date")
    assert "Порядок по дате: оценки нет.\n" in out
    assert "Оценка" not in out


@pytest.mark.parametrize("name", [ADDRESS, f"{ADDRESS}#top", "https://news.example/articles/a019", " a019 "])
def test_an_article_goes_by_its_addresses(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings, name: str
) -> None:
    assert told(capsys, sample_settings, "школа", name) == told(capsys, sample_settings, "школа", "a019")


def test_an_article_goes_by_a_former_address(
    capsys: pytest.CaptureFixture[str], own_sample: Settings
) -> None:
    with open_archive(own_sample) as archive:
        archive.put(replace(archive.get("a019"), aliases=("https://iro.verhneluzhsk.example/?p=19",)))
    out = told(capsys, own_sample, "школа", "https://iro.verhneluzhsk.example/?p=19")
    assert out == told(capsys, own_sample, "школа", "a019")


def test_the_json_has_all_of_it(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings, sample_service: SearchService
) -> None:
    found = json.loads(told(capsys, sample_settings, "ghbrfp", "vbybcnthcndf", "a019", "--json"))
    assert found["query"]["effective"] == "приказ министерства"
    assert [made["to"] for made in found["query"]["corrections"]] == ["приказ", "министерства"]
    assert found["article"]["original"] == ADDRESS
    assert (found["match"], found["place"], found["score"], found["parts"]) == ("none", None, None, [])
    assert [obstacle["kind"] for obstacle in found["obstacles"]] == ["words"]
    found = json.loads(told(capsys, sample_settings, "школа", "a019", "--json"))
    (hit,) = [
        hit
        for hit in sample_service.search(SearchRequest("школа", per_page=100, fold=False)).hits
        if hit.id == "a019"
    ]
    assert found["score"] == round(hit.score, 4)
    assert found["folded_into"] == "a018"
    folded = sample_service.search(SearchRequest("школа"))
    assert (found["rows"], found["total"]) == (folded.rows, folded.total)
    assert found["rows"] < found["total"]
    assert sum(part["value"] for part in found["parts"]) == pytest.approx(found["score"], abs=1e-9)
    assert found["obstacles"] == []


def test_what_cannot_be_explained_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], sample_settings: Settings
) -> None:
    code, err = refused(capsys, sample_settings, "школа", "a999")
    assert code == 1
    assert err == (
        "Статьи «a999» в индексе нет. Проверьте идентификатор или адрес: их показывает searchsvc query\n"
    )
    for arguments in (["a019"], ["", "a019"], [" ", "a019"]):
        code, err = refused(capsys, sample_settings, *arguments)
        assert (code, err) == (2, "Не указано: ЗАПРОС. Справка: searchsvc explain --help\n")
    assert refused(capsys, sample_settings) == (2, refused(capsys, sample_settings)[1])
    code, err = refused(capsys, sample_settings, "школа", "a019", "--sort", "лучшие")
    assert (code, "Справка: searchsvc explain --help" in err) == (2, True)
    for arguments in (["школа", "--frm", "a019"], ["школа", "a019", "--frm"]):
        code, err = refused(capsys, sample_settings, *arguments)
        assert (code, "Параметра --frm нет." in err) == (2, True)


def test_without_an_index_the_remedy_is_named(searchsvc: Run) -> None:
    done = searchsvc("explain", "школа", "a019")
    assert (done.code, done.out) == (1, "")
    assert "searchsvc rebuild" in done.err


def test_an_article_that_is_not_indexed_yet_is_told_from_an_unknown_one(
    searchsvc: Run, settings: Settings
) -> None:
    assert searchsvc("import", "-", stdin=rows(news(1))).code == 0
    done = searchsvc("explain", "сад", "https://school5.ru/1/")
    assert (done.code, "Место 1 из 1" in done.out) == (0, True)
    with open_archive(settings) as archive:
        (first, _), *_ = archive.articles()
        archive.put(replace(first, id="", url="https://school5.ru/2/", title="Вторая"))
    done = searchsvc("explain", "сад", "https://school5.ru/2/")
    assert (done.code, "есть в архиве, но не в индексе" in done.err) == (1, True)
    assert "searchsvc sync" in done.err


def test_beyond_what_is_ranked_the_engines_order_is_named(searchsvc: Run) -> None:
    assert searchsvc("import", "-", stdin=rows(*map(news, range(RERANKED + 5)))).code == 0
    found = [
        json.loads(searchsvc("query", "сад", "--json", "--page", page, "--per-page", "100").out)["results"]
        for page in ("1", "3")
    ]
    ranked = searchsvc("explain", "сад", found[0][-1]["id"]).out
    assert "Место 100 из 205: есть всё, что в запросе.\n\nОценка " in ranked
    last = searchsvc("explain", "сад", found[1][-1]["id"]).out
    assert "Место 205 из 205: есть всё, что в запросе.\nДальше первых 200 порядок таков, " in last
    assert "Оценка" not in last

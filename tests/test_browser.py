"""The site in real Chromium: what a reader sees, with a keyboard, a phone, a screen reader's eyes.

Screenshots of every kind of page go to ``screenshots/`` beside ``tests/``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright
from test_web_serving import serving

from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app
from web.querylog import FEWEST_READINGS, QueryLog, Reading

pytestmark = pytest.mark.component

SCREENSHOTS = Path(__file__).parent.parent / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WIDE = (1280, 900)
PHONE = (390, 844)
Scheme = Literal["light", "dark"]

PATHS = {
    "front": "/",
    "results": "/search?q=школа",
    "filtered": "/search?q=экзамен&category=Итоговая аттестация&from=2017-01-01",
    "repaired": "/search?q=Образовfybt",
    "near": "/search?q=наставник робот экзамен",
    "nothing": "/search?q=наставничество олимпиада&year=2001&from=2000-01-01",
    "unknown": "/search?q=фывапролдж",
    "kin": "/search?q=робот каникулы экзамен",
    "elsewhen": "/search?q=наставничество&from=2020-01-01&to=2020-02-01",
    "elsewhere": "/search?q=наставничество&category=Питание",
    "nearby": "/search?q=наставник экзамен&year=2018",
    "hints": "/search",
    "reprints": "/search?q=ресурсный класс первая четверть",
    "section": "/search?category=Наставничество",
    "help": "/help",
    "missing": "/articles/nowhere",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; a machine without it fails here, by name."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "нет Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(sample_service: SearchService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site over the sample archive, some of which was much read."""
    config = Settings(data_dir=tmp_path_factory.mktemp("site"))
    log = QueryLog(config.query_log_path, clock=lambda: datetime.now(UTC) - timedelta(days=1))
    for hit in sample_service.search(SearchRequest("школа", per_page=5)).hits * FEWEST_READINGS:
        log.record(Reading(hit.id))
    log.close()
    app = create_app(sample_service, config)
    with serving(app) as address:
        yield address
    app.extensions["query_log"].close()


@pytest.fixture(scope="module")
def paths(sample_service: SearchService) -> dict[str, str]:
    """Paths of every kind of page, an article with a table among them."""
    long = sample_service.search(SearchRequest("итоги ЕГЭ-2017")).hits[0].id
    linked = sample_service.search(SearchRequest("система наставничества")).hits[0].id
    return {**PATHS, "table": f"/articles/{long}", "article": f"/articles/{linked}"}


def opened(
    browser: Browser, *, size: tuple[int, int] = WIDE, scheme: Scheme = "light", scripts: bool = False
) -> Iterator[Page]:
    """A page that must not complain, run scripts (unless asked) or reach for other sites."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=scripts,
        locale="ru-RU",
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    hosts: set[str | None] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield page
    context.close()
    assert [told for told in complaints if "404 (NOT FOUND)" not in told] == []
    assert hosts <= {"127.0.0.1"}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A wide page without scripts."""
    yield from opened(browser)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone's page without scripts."""
    yield from opened(browser, size=PHONE)


@pytest.fixture
def scripted(browser: Browser) -> Iterator[Page]:
    """A wide page in which axe can run."""
    yield from opened(browser, scripts=True)


def look_up(page: Page, words: str) -> None:
    """Type *words* into the box and press Enter."""
    box = page.get_by_role("searchbox")
    box.fill(words)
    box.press("Enter")


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def hits(page: Page) -> Locator:
    return page.locator("article.hit")


def sideways(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def focused(page: Page) -> str:
    """Return the words (or name) of what has the focus."""
    return " ".join(
        str(page.evaluate("document.activeElement.innerText || document.activeElement.name || ''")).split()
    )


# --- the main job --------------------------------------------------------------------------


def test_a_search_from_the_front_page_finds_inflected_words(page: Page, site: str) -> None:
    page.goto(site)
    look_up(page, "наставничество")
    expect(heading(page)).to_have_text("По запросу «наставничество» найдено 9 статей")
    expect(hits(page)).to_have_count(9)
    expect(page.locator("mark", has_text=re.compile("^наставничества$")).first).to_be_visible()
    expect(page).to_have_title(re.compile("наставничество"))
    expect(page.get_by_role("searchbox")).to_have_value("наставничество")


def test_a_half_typed_layout_is_repaired_with_a_way_back(page: Page, site: str) -> None:
    page.goto(site)
    look_up(page, "Образовfybt")
    expect(heading(page)).to_have_text("Показаны результаты по запросу «Образование»")
    assert hits(page).count() == 10
    page.get_by_role("link", name="Искать «Образовfybt»").click()
    expect(heading(page)).to_have_text("По запросу «Образовfybt» нет полных совпадений")
    assert "correct=off" in page.url


def test_nothing_found_leads_on(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('наставничество олимпиада')}&year=2001")
    expect(heading(page)).to_contain_text("ничего не найдено")
    page.get_by_role("link", name="Искать без условия: Год: 2001").click()
    assert hits(page).count() >= 1
    look_up(page, "фывапролдж")
    expect(heading(page)).to_have_text("По запросу «фывапролдж» ничего не найдено")
    page.get_by_role("link", name="Наставничество").click()
    expect(heading(page)).to_have_text("Раздел: Наставничество")


def test_where_no_article_is_of_that_time_the_nearest_month_is_a_click_away(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('наставничество')}&from=2020-01-01&to=2020-02-01")
    expect(heading(page)).to_contain_text("ничего не найдено")
    page.get_by_role("link", name="март 2022").click()
    expect(heading(page)).to_have_text("По запросу «наставничество» найдена 1 статья")
    page.go_back()
    page.get_by_role("link", name="за всё время").click()
    expect(heading(page)).to_have_text("По запросу «наставничество» найдено 9 статей")


def test_a_page_of_near_matches_says_so_and_offers_words_that_are_kin(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('робот каникулы экзамен')}")
    expect(heading(page)).to_contain_text("нет статей со всеми словами")
    expect(page.get_by_text("Похожие результаты:")).to_be_visible()
    expect(hits(page).first.locator(".missing s").first).to_be_visible()
    page.get_by_role("link", name="робототехника", exact=True).click()
    assert hits(page).count() >= 1


def test_a_dead_end_leads_to_what_others_read_and_to_a_feed(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('фывапролдж')}")
    feed = page.get_by_role("link", name="Подписаться на новое по этому запросу").get_attribute("href")
    assert page.request.get(f"{site}{feed}").headers["content-type"].startswith("application/atom+xml")
    page.get_by_role("region", name="Читают").get_by_role("link").first.click()
    expect(page.get_by_role("link", name="Читать на сайте источника")).to_be_visible()


def test_facets_narrow_and_widen(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('школа')}")
    whole = heading(page).inner_text()
    year = page.get_by_role("region", name="Год").get_by_role("listitem").filter(has_text="2022")
    count = re.findall(r"\d+", year.inner_text())[1]
    year.get_by_role("link").click()
    expect(heading(page)).to_contain_text(f"найдено {count} стат")
    page.get_by_label("с", exact=True).fill("2022-09-01")
    page.get_by_role("button", name="Показать").click()
    expect(page.get_by_role("list", name="Выбранные условия").get_by_role("link")).to_have_count(3)
    for day in page.locator(".hit time").all():
        assert "2022-09-01" <= str(day.get_attribute("datetime")) < "2023"
    page.get_by_role("link", name="сбросить всё").click()
    expect(heading(page)).to_have_text(whole)


def test_pages_turn_and_sort(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('школа')}")
    page.get_by_role("link", name="Дальше").click()
    expect(page.locator(".pager-now")).to_have_text("страница 2 из 7")
    page.get_by_role("navigation", name="Порядок").get_by_role("link", name="новые").click()
    assert "page=" not in page.url
    first, second = (hits(page).nth(number).locator("time").get_attribute("datetime") for number in (0, 1))
    assert str(first) >= str(second)


def test_an_article_leads_to_similar_ones_and_to_its_source(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('система наставничества')}")
    hits(page).first.get_by_role("heading").get_by_role("link").click()
    title = heading(page).inner_text()
    expect(page.get_by_role("link", name="Читать на сайте источника")).to_have_attribute(
        "href", re.compile(r"^https://\w+\.verhneluzhsk\.example/")
    )
    similar = page.get_by_role("region", name="Похожие записи").get_by_role("link")
    assert 1 <= similar.count() <= 5
    assert title not in similar.all_inner_texts()
    similar.first.click()
    expect(heading(page)).not_to_have_text(title)


def test_reprints_unfold_by_keyboard_and_lead_to_their_pages(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q={quote('ресурсный класс первая четверть')}")
    row = hits(page).filter(has_text="ещё 1 источник")
    expect(row).to_have_count(1)
    other = row.get_by_role("link", name="Ресурсный класс в Каменном Броде: как прошла первая четверть")
    expect(other).to_be_hidden()
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(other).to_be_visible()
    for told in ("1 ноября 2019", "Министерство образования"):
        expect(row.get_by_role("listitem")).to_contain_text(told)
    page.keyboard.press("Tab")
    assert focused(page) == other.inner_text()
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Ресурсный класс в Каменном Броде: как прошла первая четверть")
    also = page.get_by_role("region", name="Эту запись опубликовали также").get_by_role("link")
    expect(also).to_have_text(["Ресурсный класс: как прошла первая четверть"])


# --- completion ----------------------------------------------------------------------------


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Поиск по архиву")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Подсказки").get_by_role("option")


def type_in(page: Page, site: str, words: str) -> None:
    """Open the front page and type *words* until completions are there."""
    page.goto(site)
    box(page).press_sequentially(words)
    expect(box(page)).to_have_attribute("aria-expanded", "true")


def test_a_completion_is_chosen_by_keyboard(scripted: Page, site: str) -> None:
    type_in(scripted, site, "обра")
    expect(options(scripted).first).to_have_text("образование")
    expect(scripted.get_by_role("status")).to_have_text(re.compile(r"^\d подсказ[а-я]+: выбирайте стрелками"))
    assert not box(scripted).get_attribute("aria-activedescendant")
    scripted.keyboard.press("ArrowDown")
    expect(box(scripted)).to_have_value("образование")
    active = box(scripted).get_attribute("aria-activedescendant")
    expect(scripted.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    assert box(scripted).get_attribute("aria-controls") == "q-suggestions"
    scripted.keyboard.press("ArrowUp")
    expect(box(scripted)).to_have_value("обра")
    expect(scripted.locator("[aria-selected=true]")).to_have_count(0)
    scripted.keyboard.press("ArrowUp")
    expect(options(scripted).last).to_have_attribute("aria-selected", "true")
    scripted.keyboard.press("ArrowDown")
    scripted.keyboard.press("ArrowDown")
    scripted.keyboard.press("Enter")
    expect(heading(scripted)).to_contain_text("По запросу «образование» найдено")


def test_enter_without_a_choice_asks_for_what_was_typed(scripted: Page, site: str) -> None:
    type_in(scripted, site, "наставничеств")
    scripted.keyboard.press("Enter")
    expect(heading(scripted)).to_contain_text("«наставничеств»")


def test_escape_closes_the_list_and_gives_back_what_was_typed(scripted: Page, site: str) -> None:
    type_in(scripted, site, "обра")
    scripted.keyboard.press("ArrowDown")
    scripted.keyboard.press("Escape")
    expect(box(scripted)).to_have_value("обра")
    expect(box(scripted)).to_have_attribute("aria-expanded", "false")
    expect(options(scripted)).to_have_count(0)
    scripted.keyboard.press("ArrowDown")  # opens it again
    expect(box(scripted)).to_have_attribute("aria-expanded", "true")
    scripted.keyboard.press("Tab")
    expect(box(scripted)).to_have_attribute("aria-expanded", "false")
    assert focused(scripted) == "Найти"


def test_the_words_before_stay_and_the_wrong_layout_is_understood(scripted: Page, site: str) -> None:
    type_in(scripted, site, "bnjub tu")
    expect(options(scripted).first).to_have_text("итоги ЕГЭ исправлено")
    expect(options(scripted).first).to_have_accessible_name("итоги ЕГЭ исправлено")
    box(scripted).fill("")
    expect(box(scripted)).to_have_attribute("aria-expanded", "false")
    box(scripted).press_sequentially('"итоги ЕГЭ" шко')
    expect(options(scripted).first).to_have_text('"итоги ЕГЭ" школы')
    options(scripted).first.click()
    expect(heading(scripted)).to_contain_text('«"итоги ЕГЭ" школы» найдено')
    expect(box(scripted)).to_have_value('"итоги ЕГЭ" школы')


def test_a_section_leads_to_its_page(scripted: Page, site: str) -> None:
    type_in(scripted, site, "конк")
    options(scripted).filter(has_text="раздел").click()
    expect(heading(scripted)).to_have_text("Раздел: Конкурсы и олимпиады")


def test_a_title_leads_to_its_article(scripted: Page, site: str) -> None:
    type_in(scripted, site, "итоги")
    option = options(scripted).filter(has_text="статья").first
    title = str(option.get_attribute("data-text"))
    option.click()
    expect(heading(scripted)).to_have_text(title)


def test_what_is_offered_has_the_filters_that_the_form_keeps(scripted: Page, site: str) -> None:
    asked: list[str] = []
    scripted.on("request", lambda one: asked.append(one.url) if "/suggest?" in one.url else None)
    scripted.goto(f"{site}/search?q={quote('школа')}&category={quote('Инклюзия')}&sort=date")
    box(scripted).fill("")
    box(scripted).press_sequentially("школьн")
    expect(box(scripted)).to_have_attribute("aria-expanded", "true")
    assert asked[-1].endswith(f"&category={quote('Инклюзия')}")
    options(scripted).first.click()
    expect(heading(scripted)).to_contain_text("найден")
    assert "category=" in scripted.url


def test_a_screen_reader_hears_that_there_is_nothing(scripted: Page, site: str) -> None:
    scripted.goto(site)
    box(scripted).press_sequentially("щщщщщщ")
    expect(scripted.get_by_role("status")).to_have_text("Подсказок нет")
    expect(box(scripted)).to_have_attribute("aria-expanded", "false")


def test_one_answer_is_asked_for_a_word_typed_quickly_and_a_late_one_is_not_shown(
    scripted: Page, site: str
) -> None:
    asked: list[str] = []
    scripted.on("request", lambda one: asked.append(one.url) if "/suggest?" in one.url else None)
    type_in(scripted, site, "наставни")
    assert len(asked) <= 2
    held: list[Route] = []
    scripted.route("**/suggest?q=%D1%88%D0%BA%D0%BE*", lambda route: held.append(route))  # «шко»
    box(scripted).fill("шко")
    scripted.wait_for_timeout(400)
    box(scripted).fill("гимн")
    expect(options(scripted).first).to_contain_text("гимнази")
    for route in held:
        route.continue_()
    scripted.wait_for_timeout(200)
    expect(options(scripted).first).to_contain_text("гимнази")


def test_where_completion_fails_the_form_works(scripted: Page, site: str) -> None:
    scripted.goto(site)
    scripted.route("**/suggest?*", lambda route: route.fulfill(status=200, body="<html>"))
    box(scripted).press_sequentially("школа")
    scripted.wait_for_timeout(300)
    expect(box(scripted)).to_have_attribute("aria-expanded", "false")
    scripted.keyboard.press("Enter")
    expect(heading(scripted)).to_contain_text("По запросу «школа» найдено")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
def test_the_open_list_is_sound_and_fits(
    browser: Browser, site: str, size: tuple[int, int], scheme: Scheme
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    for page in opened(browser, size=size, scheme=scheme, scripts=True):
        for name, path in (("front", "/"), ("results", f"/search?q={quote('школа')}")):
            page.goto(site + path)
            box(page).fill("")
            box(page).press_sequentially("итоги")
            expect(box(page)).to_have_attribute("aria-expanded", "true")
            page.keyboard.press("ArrowDown")
            page.wait_for_timeout(200)
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert sideways(page) <= 0
            for option in options(page).all():
                assert (option.bounding_box() or {"height": 0})["height"] >= 44
            assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('#q')).fontSize)") >= 16
            page.screenshot(path=SCREENSHOTS / f"suggest-{name}-{size[0]}-{scheme}.png")


# --- everybody -----------------------------------------------------------------------------


def test_the_keyboard_alone_reaches_an_article(page: Page, site: str) -> None:
    page.goto(site)
    order = []
    for _ in range(4):
        page.keyboard.press("Tab")
        order.append(focused(page))
    assert order == ["К содержанию", "Новости образования", "Как искать", "q"]
    page.keyboard.type("наставничество")
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text("найдено 9 статей")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "Сразу к результатам"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    wanted = hits(page).first.get_by_role("link").first.inner_text()
    for _ in range(5):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            break
    assert focused(page) == wanted
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text(wanted)


def test_on_a_phone_the_conditions_open_at_a_touch(phone: Page, site: str) -> None:
    phone.goto(f"{site}/search?q={quote('школа')}")
    year = phone.get_by_role("region", name="Год").get_by_role("link").first
    expect(year).to_be_hidden()
    phone.get_by_text("Уточнить", exact=True).click()
    expect(year).to_be_visible()
    year.click()
    expect(phone.get_by_text("Уточнить: 1 условие")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    browser: Browser, site: str, paths: dict[str, str], size: tuple[int, int], scheme: Scheme
) -> None:
    for page in opened(browser, size=size, scheme=scheme, scripts=True):
        for name, path in paths.items():
            page.goto(site + path)
            for switch in page.locator("main details > summary:visible").all():
                switch.click()
            found = Axe().run(page)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"


@pytest.mark.parametrize("width", [390, 320])
def test_no_page_scrolls_sideways_on_a_phone(
    browser: Browser, site: str, paths: dict[str, str], width: int
) -> None:
    for page in opened(browser, size=(width, 800)):
        for name, path in paths.items():
            page.goto(site + path)
            for switch in page.locator("main details > summary:visible").all():
                switch.click()
            assert sideways(page) <= 0, name


def test_a_reader_with_large_letters_loses_nothing(scripted: Page, site: str, paths: dict[str, str]) -> None:
    for path in paths.values():
        scripted.goto(site + path)
        scripted.evaluate("document.documentElement.style.fontSize = '212%'")
        assert sideways(scripted) <= 0, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
def test_screenshots(
    browser: Browser, site: str, paths: dict[str, str], size: tuple[int, int], scheme: Scheme
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    for page in opened(browser, size=size, scheme=scheme):
        for name, path in paths.items():
            page.goto(site + path)
            file = SCREENSHOTS / f"{name}-{size[0]}-{scheme}.png"
            page.screenshot(path=file, full_page=name not in {"results", "filtered", "near", "repaired"})
            assert file.stat().st_size > 10_000

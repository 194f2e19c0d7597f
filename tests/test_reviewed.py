"""What reviewers found in use, each mended for good: the search keeps what it says."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from beds.words import vocabulary_of

from corpus.archive import Archive
from corpus.article import Article, Paragraph
from corpus.errors import SearchServiceError
from indexer.pipeline import purge, rebuild, rollback, sync
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.correction.repair import repair_query
from searchsvc.errors import GenerationError, NotFoundError
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.cli import run


def ids(service: SearchService, text: str) -> list[str]:
    page = service.search(SearchRequest(text, per_page=100))
    return [hit.id for hit in page.hits if not hit.missing]


# --- queries ------------------------------------------------------------------------------


def test_a_query_of_a_thousand_marks_is_answered_at_once(sample_service: SearchService) -> None:
    started = time.perf_counter()
    sample_service.search(SearchRequest('"фa' + "," * 990))
    sample_service.search(SearchRequest("фa" + "," * 990))
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("text", ["N 1493", "приказ N 1493", "школа N 14", "H"])
def test_a_single_latin_letter_is_not_repaired(sample_service: SearchService, text: str) -> None:
    page = sample_service.search(SearchRequest(text))
    assert not page.corrections
    assert not page.suggestions


def test_a_latin_n_is_a_number_sign(sample_service: SearchService) -> None:
    assert ids(sample_service, "приказ N 1493") == ids(sample_service, "приказ № 1493") != []


def test_a_single_letter_that_is_a_word_is_repaired() -> None:
    repaired = repair_query("d школе", vocabulary_of(["в", "школе"]))
    assert repaired is not None
    assert repaired.text == "в школе"


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2009"])
def test_a_number_in_groups_is_found_however_it_is_spaced(sample_service: SearchService, space: str) -> None:
    for text in (f"7{space}420 мест", f'"7{space}420 бюджетных мест"', "7420 мест"):
        assert ids(sample_service, text)[0] == "b030", text


def test_a_stress_mark_typed_with_a_latin_letter_does_not_matter(sample_service: SearchService) -> None:
    assert ids(sample_service, "бóльшая") == ids(sample_service, "большая") != []


def test_a_minus_before_a_field_excludes_its_value(sample_service: SearchService) -> None:
    everything = set(ids(sample_service, "школа"))
    contests = set(ids(sample_service, 'школа категория:"Конкурсы и олимпиады"'))
    titled = set(ids(sample_service, "школа заголовок:школа"))
    assert contests
    assert titled
    assert set(ids(sample_service, 'школа -категория:"Конкурсы и олимпиады"')) == everything - contests
    assert set(ids(sample_service, "школа -заголовок:школа")) == everything - titled
    year = set(ids(sample_service, "школа год:2022"))
    assert set(ids(sample_service, "школа -год:2022")) == everything - year


@pytest.mark.parametrize("text", ["педагог курсы заявка", "наставничество колледж", "школа космос"])
def test_scores_fall_along_the_list(sample_service: SearchService, text: str) -> None:
    hits = sample_service.search(SearchRequest(text, per_page=100)).hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_a_repair_is_taken_though_many_articles_have_another_word(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("школа ghbrfp ыыыыы"))
    assert page.effective == "школа приказ ыыыыы"


# --- neighbours ---------------------------------------------------------------------------


def test_neighbours_follow_an_article_that_changes_its_subject(
    own_sample: Settings, analyzer: Analyzer
) -> None:
    generations = open_generations(own_sample)
    service, live = open_service(own_sample, analyzer)
    with closing(live), open_archive(own_sample) as archive:
        model = archive.get("b017")

        def become(title: str, text: tuple[Paragraph, ...]) -> list[str]:
            archive.put(
                replace(
                    model, id="guest", url="https://guest.example/1", title=title, lead="", body=text, tags=()
                )
            )
            sync(archive, generations, analyzer)
            return [near.id for near in service.similar("b017", 20)]

        related = "Родители записывают ребёнка в первый класс: заявление подают в школу по прописке с апреля."
        assert "guest" in become("Приём в первый класс: закон 273-ФЗ", (Paragraph(related),))
        assert "guest" not in become(model.title, model.body)  # type: ignore[arg-type]
        assert "guest" not in become("Борщ", (Paragraph("Свёклу натереть, капусту нашинковать."),))


def test_no_two_neighbours_tell_the_same(sample_service: SearchService) -> None:
    pairs = [{"a011", "a012"}, {"a018", "a019"}, {"b007", "b008"}, {"b026", "b027"}, {"c021", "c022"}]
    for name in ("b009", "b003", "b005", "a022", "a016", "a002", "b010", "a013"):
        shown = {near.id for near in sample_service.similar(name)}
        assert not [pair for pair in pairs if pair <= shown], name


# --- versions -----------------------------------------------------------------------------


def test_a_purge_changes_the_version_even_where_a_sync_is_refused(
    own_sample: Settings, analyzer: Analyzer
) -> None:
    class Other(Analyzer):
        fingerprint = "another"

    generations = open_generations(own_sample)
    service, live = open_service(own_sample, analyzer)
    with closing(live), open_archive(own_sample) as archive:
        before = service.version()
        purge(archive, generations, Other(), "a011")
        assert service.version() != before
        with pytest.raises(NotFoundError):
            service.article("a011")


def test_a_page_is_whole_though_a_purge_comes_between(own_sample: Settings, analyzer: Analyzer) -> None:
    generations = open_generations(own_sample)
    service, live = open_service(own_sample, analyzer, watch=True)
    seen: dict[str, set[tuple[int, int]]] = {}
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.01):  # purges get on in between
            page = service.search(SearchRequest("школа", per_page=100))
            shown = len(page.hits) + sum(hit.reprint_count for hit in page.hits)
            seen.setdefault(page.version, set()).add((page.total, shown))

    readers = [threading.Thread(target=read) for _ in range(2)]
    with closing(live), open_archive(own_sample) as archive:
        for reader in readers:
            reader.start()
        for name in ids(service, "школа")[:2]:
            purge(archive, generations, analyzer, name)
        stop.set()
        for reader in readers:
            reader.join()
    assert all(len(answers) == 1 for answers in seen.values()), seen
    assert all(total == shown for answers in seen.values() for total, shown in answers)


def test_an_archive_restored_from_a_copy_is_told_from_the_one_that_was_indexed(
    own_sample: Settings, analyzer: Analyzer, tmp_path: Path
) -> None:
    generations = open_generations(own_sample)
    copy = tmp_path / "copy.db"
    with open_archive(own_sample) as archive:
        archive.backup(copy)
        archive.put(_news(archive, "x"))
        sync(archive, generations, analyzer)
    for leftover in ("archive.db-wal", "archive.db-shm"):
        (own_sample.data_dir / leftover).unlink(missing_ok=True)
    copy.replace(own_sample.data_dir / "archive.db")
    with open_archive(own_sample) as archive:
        archive.put(_news(archive, "y"))  # the same number of changes, another history
        with pytest.raises(GenerationError, match="searchsvc rebuild"):
            sync(archive, generations, analyzer)
        rebuild(archive, generations, analyzer, engine="whoosh")
        archive.put(_news(archive, "z"))
        with pytest.raises(GenerationError, match="searchsvc rebuild"):
            rollback(archive, generations, analyzer)
        assert sync(archive, generations, analyzer).replaced == 1


def _news(archive: Archive, name: str) -> Article:
    (source, *_) = archive.sources()
    return Article(
        name, source.id, f"https://news.example/{name}", f"Новость {name}", "", (Paragraph("Текст."),)
    )


def test_a_mistyped_address_of_an_archive_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEARCHSVC_ARCHIVE_URL", f"sqlite:///{tmp_path}/none/x.db")
    assert run(["--data-dir", str(tmp_path), "status"]) == 0
    assert "ещё нет" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


# --- files --------------------------------------------------------------------------------


def test_an_export_goes_into_a_pipe_and_through_a_link(own_sample: Settings, tmp_path: Path) -> None:
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real"
    os.mkfifo(pipe)
    link.symlink_to(real)
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.append(len(pipe.read_bytes().splitlines())))
    reader.start()
    assert run(["--data-dir", str(own_sample.data_dir), "export", str(pipe)]) == 0
    reader.join(10)
    assert got == [92]
    assert pipe.is_fifo()
    assert run(["--data-dir", str(own_sample.data_dir), "export", str(link)]) == 0
    assert link.is_symlink()
    assert len(real.read_bytes().splitlines()) == 92


def test_a_damaged_archive_is_not_copied_as_if_it_were_sound(own_sample: Settings, tmp_path: Path) -> None:
    file = own_sample.data_dir / "archive.db"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(os.urandom(100_000))
    with open_archive(own_sample) as archive, pytest.raises(SearchServiceError, match="повреждён"):
        archive.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()

"""Is a new generation what the archive says? Asked before it is published."""

from __future__ import annotations

from corpus.archive import Archive
from searchsvc.engine import Plan
from searchsvc.errors import GenerationError, VerificationError
from searchsvc.generation.generation import Generation
from searchsvc.language.analysis import Analyzer
from searchsvc.query.planning import plan
from searchsvc.query.syntax import Query, Word

CANARIES = 5
"""Articles looked for by words of their own titles."""

LOSS_ARTICLES = 20
LOSS_SHARE = 0.1
"""More articles missing than both of these, with no removal in the change log, stop a rebuild."""


def verify(
    built: Generation, archive: Archive, live: Generation | None, analyzer: Analyzer, *, accept_loss: bool
) -> None:
    """Compare *built* with the archive, try canary searches, guard against sudden loss.

    Raises:
        VerificationError: with what is wrong and what to do.
    """
    broken = built.store.check()
    if broken != "ok":
        raise VerificationError(f"файл документов повреждён ({broken})", "Повторите: searchsvc rebuild")
    contents = built.store.contents(built.sequence())
    _compare_with_archive(built, archive, contents)
    _search_canaries(built, contents, analyzer)
    if live is not None and not accept_loss:
        _guard_against_loss(archive, live, contents)


def _compare_with_archive(built: Generation, archive: Archive, contents: dict[str, int]) -> None:
    expected = {article.id: revision for article, revision in archive.articles()}
    # What changed since the last catching up belongs to the next sync.
    moving = {change.article_id for change in archive.changes(built.sequence(), limit=10_000_000)}
    differing = {
        name
        for name in expected.keys() | contents.keys()
        if expected.get(name) != contents.get(name) and name not in moving
    }
    if differing:
        some = ", ".join(sorted(differing)[:5])
        raise VerificationError(
            f"расходится с архивом в {len(differing)} статьях ({some})", "Повторите: searchsvc rebuild"
        )
    documents = built.engine.snapshot().documents
    if documents != len(contents):
        raise VerificationError(
            f"в движке {documents} статей, в хранилище {len(contents)}", "Повторите: searchsvc rebuild"
        )


def _search_canaries(built: Generation, contents: dict[str, int], analyzer: Analyzer) -> None:
    names = sorted(contents)
    step = max(1, len(names) // CANARIES)
    snapshot = built.engine.snapshot()
    cards = built.store.cards(names[::step][:CANARIES], built.sequence())
    for name, card in cards.items():
        words = [
            token.form for token in analyzer.tokens(card.title) if not token.stop_word and not token.whole
        ]
        if not words:
            continue
        tree = Query(card.title, tuple(Word(word, (0, 0)) for word in words))
        planned = plan(tree, analyzer)
        found = snapshot.search(Plan(units=tuple(unit.clause for unit in planned.units), near_below=0))
        stored = built.store.documents([candidate.key for candidate in found.full])
        if found.total <= len(found.full) and name not in {item.card.id for item in stored.values()}:
            raise VerificationError(
                f"статья {name} не находится по словам своего заголовка", "Повторите: searchsvc rebuild"
            )


def _guard_against_loss(archive: Archive, live: Generation, contents: dict[str, int]) -> None:
    try:
        before = live.store.contents(live.sequence())
    except GenerationError:
        return  # a damaged generation cannot testify
    missing = set(before) - set(contents)
    if len(missing) <= LOSS_ARTICLES or len(missing) <= LOSS_SHARE * len(before):
        return
    sequence = 0
    while changes := archive.changes(sequence, 10_000):
        missing -= {change.article_id for change in changes if change.kind != "replaced"}
        sequence = changes[-1].sequence
    if len(missing) > LOSS_ARTICLES and len(missing) > LOSS_SHARE * len(before):
        raise VerificationError(
            f"из {len(before)} статей пропали бы {len(missing)}, хотя архив не говорит об их удалении",
            "Если так и должно быть: searchsvc rebuild --accept-loss",
        )

"""What ``searchsvc evaluate`` says in a terminal: tables of figures, what is gained, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from web.words import counted, grouped

if TYPE_CHECKING:
    from searchsvc.evaluation import Figures

OURS = "searchsvc"
VARIANTS = {"words": "слова как есть", "snowball": "основы Snowball", "lemma": "первая лемма"}

SEARCH = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "recall@100": "recall@100",
    "success@10": "success@10",
    "dead_ends": "тупики",
}
"""Shares that evaluation of a search gives, by key, as columns are headed."""

SIMILAR = {"mrr": "MRR", "mrr_first": "MRR первой", "best_f1": "лучшая F1", "auc": "AUC"}
"""Shares that evaluation of similar texts gives, likewise."""

CORRECTIONS = {"top1": "первое", "top5": "среди пяти", "changed": "испорчено"}
"""Shares that evaluation of corrections gives, likewise."""

_ALL = "все"
_LEGEND = "p — как часто такая разница выходит случайно; значимой её считают, когда p меньше 0,05."
_GAIN_HEAD = ("разница", "p", "лучше", "хуже", "так же")


def search_told(figures: Figures, queries: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that tell a judged search; *queries* are their texts by id."""
    rows = {_ALL: figures, **figures["by_kind"]}
    if "compare" in figures:
        yield from compared_told(figures, SEARCH)
        yield ""
        yield from _kinds_told(figures)
        half, most = _ms(figures["p50_ms"]), _ms(figures["p95_ms"])
        yield f"Ответы {OURS}: половина не дольше {half} мс, 95 % не дольше {most} мс"
    else:
        yield from table(
            ("", "запросов", *SEARCH.values(), "p50, мс", "p95, мс"),
            (
                (name, str(row["queries"]), *_shares(row, SEARCH), _ms(row["p50_ms"]), _ms(row["p95_ms"]))
                for name, row in rows.items()
            ),
        )
    if "against" in figures:
        yield ""
        yield from against_told(figures["against"], SEARCH["ndcg@10"])
    if "by_query" in figures:
        yield ""
        yield "nDCG@10 каждого запроса, худшие сначала"
        for name, value in sorted(figures["by_query"].items(), key=lambda item: item[1]):
            yield f"{share(value)}  {name}  {queries[name]}"


def similar_told(figures: Figures) -> Iterator[str]:
    """Yield the lines that tell judged pairs of texts."""
    texts = counted(figures["n"], "текст", "текста", "текстов")
    pairs = counted(figures["pairs"], "пара", "пары", "пар")
    yield f"{texts}, {pairs}, об одном и том же: {grouped(figures['same'])}"
    yield ""
    if "compare" in figures:
        yield from compared_told(figures, SIMILAR)
    else:
        yield from table(("", *SIMILAR.values()), [(OURS, *_shares(figures, SIMILAR))])
    if "against" in figures:
        yield ""
        yield from against_told(figures["against"], SIMILAR["mrr"])
    if "by_query" in figures:
        yield ""
        yield "Обратный ранг второго текста пары, худшие сначала"
        for name, value in sorted(figures["by_query"].items(), key=lambda item: item[1]):
            yield f"{share(value)}  {name}"


def corrections_told(figures: Figures) -> Iterator[str]:
    """Yield the lines that tell a set of corrections."""
    yield from table(
        ("", "строк", *CORRECTIONS.values(), "p50, мс", "p95, мс"),
        (
            (
                name,
                str(row["n"]),
                *("—" if row[key] is None else share(row[key]) for key in CORRECTIONS),
                _ms(row["p50_ms"]),
                _ms(row["p95_ms"]),
            )
            for name, row in {_ALL: figures, **figures["by_kind"]}.items()
        ),
    )


def compared_told(figures: Figures, columns: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that set plain rankings beside ours: *columns* are keys of figures and their heads."""
    variants: dict[str, Figures] = figures["compare"]
    named = {VARIANTS[name]: row for name, row in variants.items()}
    yield from table(
        ("", *columns.values()),
        ((name, *_shares(row, columns)) for name, row in {**named, OURS: figures}.items()),
    )
    yield ""
    yield f"Насколько {OURS} лучше ({next(iter(columns.values()))})"
    yield from table(
        ("", *_GAIN_HEAD), ((f"чем {name}", *_gain(row["to_ours"])) for name, row in named.items())
    )
    yield _LEGEND


def _kinds_told(figures: Figures) -> Iterator[str]:
    variants: dict[str, Figures] = figures["compare"]
    if not figures["by_kind"]:
        return
    yield "nDCG@10 по видам запросов (* — отличие от searchsvc значимо)"
    yield from table(
        ("", "запросов", *(f"{VARIANTS[name]} " for name in variants), OURS),
        (
            (
                kind,
                str(ours["queries"]),
                *(
                    _marked(row["by_kind"][kind], row["to_ours"]["by_kind"][kind])
                    for row in variants.values()
                ),
                share(ours["ndcg@10"]),
            )
            for kind, ours in figures["by_kind"].items()
        ),
    )
    yield ""


def against_told(against: Figures, figure: str) -> Iterator[str]:
    """Yield the lines that tell what has changed since an earlier run."""
    from searchsvc.comparison import SIGNIFICANT

    better, worse = against["better"], against["worse"]
    if not better and not worse:
        yield f"С прошлого прогона ничего не изменилось ({figure} {share(against['after'])})."
        return
    sure = "значимо" if against["p"] < SIGNIFICANT else "может быть случайно"
    yield f"С прошлого прогона {figure}: {share(against['before'])} → {share(against['after'])}, {sure}"
    yield from table(
        ("", "было", "стало", *_GAIN_HEAD),
        (
            (name, share(row["before"]), share(row["after"]), *_gain(row))
            for name, row in {_ALL: against, **against["by_kind"]}.items()
        ),
    )
    yield _LEGEND
    yield ""
    yield "Изменились сильнее всего"
    for row in against["changed"]:
        kind = f" ({row['kind']})" if row.get("kind") else ""
        yield f"{share(row['before'])} → {share(row['after'])}  {row['query']}  {row['text']}{kind}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: the first column to the left, figures to the right."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        yield "  ".join((line[0].ljust(widths[0]), *cells)).rstrip()


def share(value: float | None) -> str:
    """Return a share as «0,9717», what could not be measured as a dash."""
    return "—" if value is None else f"{value:.4f}".replace(".", ",")


def _shares(row: Figures, columns: Iterable[str]) -> Iterator[str]:
    return (share(row[column]) for column in columns)


def _gain(row: Mapping[str, Any]) -> tuple[str, ...]:
    p = "< 0,001" if row["p"] < 0.001 else f"{row['p']:.3f}".replace(".", ",")
    gain = f"{row['difference']:+.4f}".replace(".", ",").replace("-", "−")
    return (gain, p, *(str(row[name]) for name in ("better", "worse", "same")))


def _marked(row: Figures, gain: Figures) -> str:
    from searchsvc.comparison import SIGNIFICANT

    return share(row["ndcg@10"]) + ("*" if gain["p"] < SIGNIFICANT else " ")


def _ms(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")

"""A picture of lines over two logarithmic axes, as SVG that is legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

COLOURS = ("#0072b2", "#d55e00", "#5d9cc9", "#e69f00", "#009e73", "#cc79a7")
"""Told apart by most eyes (after Okabe and Ito), of middling lightness; names stand at the lines as well."""

WIDTH, HEIGHT = 470, 360  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 56, 124, 44, 40
HEAD = 34
LETTER = 15  # between the names of two lines

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.head { font-size: 15px; font-weight: 600 } .name { font-weight: 600 } .end { text-anchor: end }
.middle { text-anchor: middle } .grid { stroke: #8c959f; stroke-opacity: .35 }
.line { fill: none; stroke-width: 2.2 } .leader { stroke-dasharray: 1 3 } .paper { fill: #ffffff }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .paper { fill: #0d1117 } }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; *colour* numbers one of ``COLOURS``, points rise in x and are greater than zero."""

    name: str
    colour: int
    points: Sequence[tuple[float, float]]


def chart(title: str, panels: Mapping[str, Sequence[Line]]) -> str:
    """Return SVG of panels side by side with the same axes."""
    points = [point for lines in panels.values() for line in lines for point in line.points]
    xs = sorted({x for x, _ in points}) or [1.0]
    low = floor(log10(min((y for _, y in points), default=1.0)))
    high = max(ceil(log10(max((y for _, y in points), default=10.0))), low + 1)
    width, height = WIDTH * max(len(panels), 1), HEAD + HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="head" x="16" y="24">{escape(title)}</text>',
    ]
    for number, (name, lines) in enumerate(panels.items()):
        parts.append(f'<g transform="translate({number * WIDTH} {HEAD})">')
        parts += _panel(name, lines, xs, (low, high))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, lines: Sequence[Line], xs: Sequence[float], decades: tuple[int, int]) -> Iterator[str]:
    low, high = decades
    span = log10(xs[-1]) - log10(xs[0])

    def across(x: float) -> float:
        room = WIDTH - LEFT - RIGHT
        return LEFT + (room * (log10(x) - log10(xs[0])) / span if span else room / 2)

    def down(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - log10(y)) / (high - low)

    yield f'<text class="name" x="{LEFT}" y="20">{escape(name)}</text>'
    for power in range(low, high + 1):
        at = down(10.0**power)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{at + 4:.1f}">{10.0**power:g}</text>'
    for x in xs:
        yield f'<text class="middle" x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 22}">{x:,.0f}</text>'
    names = _spread({line.name: down(line.points[-1][1]) for line in lines})
    for line in lines:
        colour = COLOURS[line.colour % len(COLOURS)]
        places = [(across(x), down(y)) for x, y in line.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline class="line" stroke="{colour}" points="{joined}"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        end_x, end_y, at = places[-1][0], places[-1][1], names[line.name]
        edge = WIDTH - RIGHT + 14
        led = f'x1="{end_x + 4:.1f}" x2="{edge - 2}" y1="{end_y:.1f}" y2="{at:.1f}"'
        yield f'<line class="leader" stroke="{colour}" {led}/>'
        yield f'<text x="{edge + 2}" y="{at + 4:.1f}">{escape(line.name)}</text>'


def _spread(heights: Mapping[str, float]) -> dict[str, float]:
    """Move names apart that would stand on one another, staying on the paper."""
    placed: dict[str, float] = {}
    last = float("-inf")
    for name, height in sorted(heights.items(), key=lambda pair: pair[1]):
        last = placed[name] = max(height, last + LETTER)
    over = max(0.0, last - (HEIGHT - BOTTOM))
    return {name: height - over for name, height in placed.items()}

"""The chart: how long a turn takes at each length, both on logarithmic scales. Hand-made SVG. Pure."""

import math
from collections.abc import Mapping, Sequence
from html import escape

Line = Mapping[int, float]
"""x → y, both above 0."""

WIDTH, HEIGHT = 960, 480
LEFT, RIGHT, TOP, BOTTOM = 76, 370, 56, 52
GAP = 17  # pixels between two names, at the least

_STYLE = """
svg { font: 13px system-ui, sans-serif; color-scheme: light dark; }
.paper { fill: #ffffff; } text { fill: #333a45; } .title { font-size: 16px; font-weight: 600; }
.grid { stroke: #dfe3e8; stroke-width: 1; } .join { stroke: #aab2bd; stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .main .line { stroke-width: 4; }
.main text { font-weight: 700; } .quiet .line { stroke-dasharray: 5 4; }
.c0 { --c: #c2410c; } .c1 { --c: #0f766e; } .c2 { --c: #1d4ed8; } .c3 { --c: #7e22ce; }
.c4 { --c: #a16207; } .c5 { --c: #be185d; } .c6 { --c: #475569; } .c7 { --c: #15803d; }
.line { stroke: var(--c); } .dot, .name { fill: var(--c); }
@media (prefers-color-scheme: dark) {
  .paper { fill: #14181f; } text { fill: #d5dae2; } .grid { stroke: #2b323d; } .join { stroke: #566070; }
  .c0 { --c: #fb923c; } .c1 { --c: #2dd4bf; } .c2 { --c: #7aa2ff; } .c3 { --c: #c99bff; }
  .c4 { --c: #facc15; } .c5 { --c: #f472b6; } .c6 { --c: #a3b0c2; } .c7 { --c: #4ade80; }
}
"""


def chart(title: str, x_label: str, lines: Mapping[str, Line], roles: Mapping[str, str]) -> str:
    """An SVG of a line for each name; `roles`: the "main" one is drawn strongest, "quiet" ones dashed."""
    scale = _Scale(
        [x for line in lines.values() for x in line], [y for line in lines.values() for y in line.values()]
    )
    names = _spread({name: scale.y(line[max(line)]) for name, line in lines.items()})
    drawn = [
        f'<g class="c{i % 8} {roles.get(name, "")}">{_line(name, line, scale, names[name])}</g>'
        for i, (name, line) in enumerate(lines.items())
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="30">{escape(title)}</text>',
        *scale.grid(x_label),
        *drawn,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Where a value is on the paper."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._xs = sorted(set(xs))
        self._x = math.log10(min(xs)), math.log10(max(xs))
        self._y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def x(self, value: float) -> float:
        low, high = self._x
        share = (math.log10(value) - low) / ((high - low) or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._y
        share = (math.log10(value) - low) / ((high - low) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def grid(self, x_label: str) -> list[str]:
        end, foot = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts: list[str] = []
        for power in range(self._y[0], self._y[1] + 1):
            y = self.y(10**power)
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{end}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:,g} ms</text>')
        for x in self._xs:
            parts.append(f'<path class="grid" d="M{self.x(x):.1f} {TOP}V{foot}"/>')
            parts.append(f'<text x="{self.x(x):.1f}" y="{foot + 20}" text-anchor="middle">{x:,.0f}</text>')
        middle = (LEFT + end) / 2
        return [
            *parts,
            f'<text x="{middle:.1f}" y="{foot + 40}" text-anchor="middle">{escape(x_label)}</text>',
        ]


def _line(name: str, line: Line, scale: _Scale, at: float) -> str:
    points = [(scale.x(x), scale.y(y)) for x, y in sorted(line.items())]
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
    end, height = points[-1]
    join = f'<path class="join" d="M{end + 5:.1f} {height:.1f}L{end + 18:.1f} {at:.1f}"/>'
    label = f"{line[max(line)]:,.1f} ms · {escape(name)}"
    text = f'<text class="name" x="{end + 22:.1f}" y="{at + 4:.1f}">{label}</text>'
    return f'<path class="line" d="{path}"/>{dots}{join}{text}'


def _spread(heights: Mapping[str, float]) -> dict[str, float]:
    """Where each name stands: as near its line's end as the others let it."""
    order = sorted(heights, key=lambda name: heights[name])
    placed: dict[str, float] = {}
    last = -math.inf
    for name in order:
        last = max(heights[name], last + GAP)
        placed[name] = last
    # What was pushed over the foot goes back up, and pushes those above it.
    limit = float(HEIGHT - BOTTOM)
    for name in reversed(order):
        placed[name] = limit = min(placed[name], limit)
        limit -= GAP
    return placed

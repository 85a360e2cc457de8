"""Pictures as SVG, the same text for the same figures: bars and lines, which follow the reader's light or dark theme."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 820
INK, FAINT, GRID = "var(--ink)", "var(--faint)", "var(--grid)"
COLOURS = ["var(--ours)", "#3b82c4", "#7fb2de", "#4d9a6a", "#93c7a5", "#a78bba"]
STYLE = """<style>
svg { --ink: #1f2933; --faint: #6b7785; --grid: #e4e8ec; --paper: #ffffff; --ours: #d9541e;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6eaee; --faint: #98a3ae; --grid: #2e3842; --paper: #12181e; --ours: #ff7a45; } }
</style>"""


@dataclass(frozen=True)
class Series:
    """A line, or the bar of each group: values with the least and the most that were found."""

    label: str
    values: list[tuple[float, float, float] | None]


def number(value: float) -> str:
    """With as many digits as anybody reads."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


class Drawing:
    def __init__(self, height: float, title: str, subtitle: str) -> None:
        self.height = height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">',
            STYLE,
            f'<rect width="{WIDTH}" height="{height:g}" rx="8" fill="var(--paper)"/>',
        ]
        self.text(28, 36, title, size=18, weight=600)
        self.text(28, 57, subtitle, size=12.5, fill=FAINT)

    def text(
        self, x: float, y: float, text: str, *, size: float = 12.5, fill: str = INK, anchor: str = "start", weight: int = 400
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, extra: str = "") -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width:g}" {extra}/>'
        )

    def add(self, part: str) -> None:
        self.parts.append(part)

    def done(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def bars(title: str, subtitle: str, groups: list[str], series: list[Series], unit: str) -> str:
    """Horizontal bars, all on one linear scale that begins at zero; a thin line from the least to the most of the rounds."""
    left, right, row, gap = 200, 90, 21, 18
    most = max((value[2] for one in series for value in one.values if value), default=1.0) or 1.0
    height = 84 + len(groups) * ((len(series) + 1) * row + gap)
    drawing = Drawing(height, title, subtitle)
    scale = (WIDTH - left - right) / most
    y = 84.0
    for place, group in enumerate(groups):
        drawing.text(28, y + 10, group, size=13, weight=600)
        y += row
        for colour, one in zip(COLOURS, series, strict=False):
            value = one.values[place]
            is_ours = colour == COLOURS[0]
            drawing.text(left - 10, y + 10.5, one.label, size=12, anchor="end", weight=600 if is_ours else 400,
                         fill=INK if is_ours else FAINT)  # fmt: skip
            if value is None:
                drawing.text(left, y + 10.5, "not measured", size=11.5, fill=FAINT)
            else:
                middle, least, greatest = value
                drawing.add(
                    f'<rect x="{left}" y="{y:.1f}" width="{max(middle * scale, 1):.1f}" height="14" rx="2" fill="{colour}"/>'
                )
                drawing.line(left + least * scale, y + 7, left + greatest * scale, y + 7, INK, 1.2, 'opacity="0.55"')
                drawing.text(left + greatest * scale + 7, y + 10.5, f"{number(middle)} {unit}", size=12)
            y += row
        y += gap
    return drawing.done()


def lines(title: str, subtitle: str, xs: list[float], series: list[Series], x_label: str, y_label: str) -> str:
    """Lines on logarithmic scales, each with its name at its end; the band is from the least to the most of the rounds."""
    left, right, top, bottom, height = 76, 214, 92, 58, 430
    drawing = Drawing(height, title, subtitle)
    found = [value for one in series for value in one.values if value]
    low, high = bounds(found)
    x_low, x_high = math.log10(xs[0]), math.log10(xs[-1])

    def at_x(x: float) -> float:
        part = (math.log10(x) - x_low) / ((x_high - x_low) or 1)
        return left + part * (WIDTH - left - right)

    def at_y(y: float) -> float:
        part = (math.log10(max(y, 10**low)) - low) / (high - low)
        return height - bottom - part * (height - top - bottom)

    for power in range(low, high + 1):
        y = at_y(10.0**power)
        drawing.line(left, y, WIDTH - right, y, GRID)
        drawing.text(left - 10, y + 4, tick(10.0**power), size=12, fill=FAINT, anchor="end")
    for x in xs:
        drawing.text(at_x(x), height - bottom + 20, tick(x), size=12, fill=FAINT, anchor="middle")
        drawing.line(at_x(x), height - bottom, at_x(x), height - bottom + 5, FAINT)
    drawing.text((left + WIDTH - right) / 2, height - 16, x_label, size=12.5, fill=FAINT, anchor="middle")
    drawing.text(left - 48, top - 12, y_label, size=12.5, fill=FAINT)
    ends = []
    for colour, one in reversed(list(zip(COLOURS, series, strict=False))):
        points = [(at_x(x), value) for x, value in zip(xs, one.values, strict=True) if value]
        if not points:
            continue
        upper = [f"{x:.1f},{at_y(value[2]):.1f}" for x, value in points]
        lower = [f"{x:.1f},{at_y(value[1]):.1f}" for x, value in reversed(points)]
        drawing.add(f'<polygon points="{" ".join(upper + lower)}" fill="{colour}" opacity="0.13"/>')
        middle = " ".join(f"{x:.1f},{at_y(value[0]):.1f}" for x, value in points)
        width = 3 if colour == COLOURS[0] else 2
        drawing.add(
            f'<polyline points="{middle}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'
        )
        for x, value in points:
            drawing.add(f'<circle cx="{x:.1f}" cy="{at_y(value[0]):.1f}" r="{width + 0.5}" fill="{colour}"/>')
        ends.append((at_y(points[-1][1][0]), points[-1][0], colour, one.label))
    spread = -math.inf
    for y, x, colour, label in sorted(ends):
        # Names of lines that end close to each other are moved apart.
        spread = max(y, spread + 17)
        drawing.text(x + 13, spread + 4, label, fill=colour, weight=600)
    return drawing.done()


def bounds(found: list[tuple[float, float, float]]) -> tuple[int, int]:
    least = min((value[1] for value in found if value[1] > 0), default=0.1)
    most = max((value[2] for value in found), default=1.0)
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(max(most, least)))
    return low, max(high, low + 1)


def tick(value: float) -> str:
    """Thousands and millions in short."""
    for size, name in ((1e6, " M"), (1e3, " k")):
        if value >= 10 * size or (value >= size and size == 1e6):
            return f"{value / size:g}{name}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"

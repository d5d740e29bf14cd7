"""Charts as plain shapes: where each bar stands. Drawn by components/chart.html, read by nobody's script.

All lengths are in the units of a drawing that is `WIDTH` wide and is scaled to its place as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.wording import shortened

WIDTH = 320
ROW, BAR = 36, 10
TALL = 96
ACROSS = 36  # characters that fit beside each other, in the larger type of small screens


@dataclass(frozen=True)
class Shape:
    """A filled rectangle; `series` is 0 for the first kind of number and 1 for the second."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    is_end: bool = False  # ends at `x` instead of beginning there


@dataclass(frozen=True)
class Chart:
    """`series` names the two kinds of numbers; `table` is the same as numbers: a head and rows."""

    name: str
    title: str
    sentence: str
    height: int
    shapes: Sequence[Shape]
    labels: Sequence[Label]
    head: Sequence[str]
    table: Sequence[Sequence[str]]
    series: Sequence[str] = ()
    target: str = ""  # the path of a line across the bars


def bars(
    rows: Sequence[tuple[str, Sequence[int]]], *, top: int | None = None, unit: str = ""
) -> tuple[int, list[Shape], list[Label]]:
    """One bar a row, of one or two parts; the label stands above it and the number at its end."""
    top = top or max([sum(parts) for _, parts in rows] + [1])
    shapes, labels = [], []
    for number, (label, parts) in enumerate(rows):
        y, x = number * ROW, 0.0
        value = " + ".join(f"{part}{unit}" for part in parts)
        labels.append(Label(0, y + 14, shortened(label, ACROSS - len(value) - 1)))
        labels.append(Label(WIDTH, y + 14, value, is_end=True))
        for series, part in enumerate(parts):
            width = round(WIDTH * part / top, 2)
            if width:
                shapes.append(Shape(x, y + 20, width, BAR, series))
            x += width
    return len(rows) * ROW, shapes, labels


def target(rows: int, share: float) -> str:
    """A line across each of `rows` bars, at this share of the whole width."""
    x = round(WIDTH * share, 2)
    return "".join(f"M{x} {row * ROW + 16}v{BAR + 8}" for row in range(rows))


def columns(rows: Sequence[tuple[str, int, int]]) -> tuple[int, list[Shape], list[Label]]:
    """Two columns for each row, beside each other; the first and the last row are named below."""
    top = max([value for _, *both in rows for value in both] + [1])
    step = WIDTH / max(len(rows), 1)
    shapes = []
    for number, (_, *both) in enumerate(rows):
        for series, value in enumerate(both):
            height = round((TALL - 16) * value / top, 2)
            x = round(number * step + series * step * 0.45, 2)
            if height:
                shapes.append(Shape(x, TALL - height, round(step * 0.4, 2), height, series))
    labels = [Label(0, 12, f"at most {top}")]
    if rows:
        labels += [
            Label(0, TALL + 16, rows[0][0]),
            Label(WIDTH, TALL + 16, rows[-1][0], is_end=True),
        ]
    return TALL + 22, shapes, labels

"""Numbers as pictures. Every one is also text and a table."""

from datetime import datetime

from approvals.charts import Chart, bars, columns, target
from approvals.views.parts.example import ARABIC, UNBROKEN, Part, component, of


def parts(now: datetime) -> list[Part]:
    return [_chart(), _trend()]


def _chart() -> Part:
    charts = {
        "No numbers": _bars("empty", [], "Nothing was decided in this period."),
        "Two sorts": _bars(
            "load", [("Payments", [4, 2]), ("Finance", [6, 0])], "Finance has most."
        ),
        "Against a target": _on_time(),
        "Over time": _days(),
        "At worst": _bars("worst", [(ARABIC, [0, 0]), (UNBROKEN[:40], [99_999, 1])], UNBROKEN),
    }
    return Part(
        "chart",
        "Chart",
        "Bars or columns of at most two sorts, told apart by a pattern, with the same as a table.",
        [component("chart")],
        of(component("chart"), {title: {"chart": chart} for title, chart in charts.items()}),
    )


def _bars(name: str, rows: list, sentence: str) -> Chart:
    return Chart(
        name,
        "Open by team",
        sentence,
        *bars(rows),
        ("Team", "On time", "Late"),
        [[label, *(str(part) for part in values)] for label, values in rows],
        series=("On time", "Late") if rows else (),
    )


def _on_time() -> Chart:
    rows = [("Refund", [92]), ("Account change", [71])]
    return Chart(
        "on-time",
        "Done in time",
        "The line is the target of 90 %.",
        *bars(rows, top=100, unit=" %"),
        ("Type", "Share"),
        [[label, f"{share} %"] for label, (share,) in rows],
        target=target(len(rows), 0.9),
    )


def _days() -> Chart:
    rows = [(f"{day} Nov", day * 7 % 5, day * 3 % 4) for day in range(11, 25)]
    return Chart(
        "days",
        "Asked and ended",
        "As many ended as were asked.",
        *columns(rows),
        ("Day", "Asked", "Ended"),
        [[day, str(asked), str(ended)] for day, asked, ended in rows],
        series=("Asked", "Ended"),
    )


def _trend() -> Part:
    return Part(
        "trend",
        "Trend",
        "Failed calls in each of the last 24 hours, beside the cause. Its words are its name.",
        [component("trend")],
        of(
            component("trend"),
            {
                "Quiet": {"trend": [0] * 24},
                "One call": {"trend": [0] * 12 + [1] + [0] * 11},
                "Growing": {"trend": [n * n for n in range(24)]},
                "One peak": {"trend": [1] * 23 + [12_048]},
            },
        ),
    )

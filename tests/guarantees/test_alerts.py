"""The alerts of docs/operations.md name metrics that there are, and tell where to go on."""

import re

from django.conf import settings

from approvals import metrics
from config.observed import REQUESTS, SECONDS
from config.violations import REPORTS

DOCS = settings.BASE_DIR / "docs"
NAME = re.compile(r"`(approvals_\w+)[`{]")
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def rows(page: str, title: str = "") -> list[list[str]]:
    """The cells of the tables below this heading, without their heads."""
    text = (DOCS / page).read_text()
    if title:
        text = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells[2:] if not set(row[0]) <= {"-"}]


ALERTS = rows("operations.md", "Alerts")


def test_every_metric_of_an_alert_is_told(cast):
    cast.ask()
    told = {family.name for family in metrics._told(metrics.ask())}
    told |= {f"{counter._name}_total" for counter in (REQUESTS, REPORTS)} | {SECONDS._name}
    named = {name for row in ALERTS for name in NAME.findall(row[0])}
    assert len(named) > 10
    assert named <= told


def test_whatever_is_worth_a_look_has_an_alert():
    looked_at = {
        name for row in rows("reference/metrics.md") if row[3] for name in NAME.findall(row[0])
    }
    alerted = {name for row in ALERTS for name in NAME.findall(row[0])}
    assert len(looked_at) > 10
    assert looked_at <= alerted


def test_every_alert_has_a_threshold_and_says_what_to_do():
    for what, threshold, then in ALERTS:
        assert threshold, what
        assert then, what
        for page, anchor in LINK.findall(then):
            file = DOCS / page if page else DOCS / "operations.md"
            assert file.is_file(), then
            assert not anchor or anchor in _anchors(file.read_text()), then


def _anchors(text: str) -> set[str]:
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }

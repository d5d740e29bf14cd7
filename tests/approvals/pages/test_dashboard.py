"""The dashboard: every figure is the number of requests that its link lists."""

import csv
import io
import re
from datetime import timedelta
from html import unescape

import pytest

from approvals import charts, figures
from approvals.kinds.base import Done
from approvals.models import ApprovalRequest, Step
from approvals.views.dashboard import AGE_WORDS, PERIODS
from tests.approvals.pages.common import queries_of, text

FIGURE = re.compile(r'<li><a href="([^"]+)"><strong>(\d+)</strong> <span>([^<]+)</span>')


def figures_on(page) -> list[tuple[str, int, str]]:
    found = FIGURE.findall(page.content.decode())
    return [(unescape(url), int(value), label) for url, value, label in found]


def listed_by(client, url: str) -> int:
    """How many requests the queue lists at this address, over all its pages."""
    count = 0
    while url:
        page = client.get(url).content.decode()
        count += page.count('id="row-')
        following = re.search(r'href="([^"]+)" rel="next"', page)
        url = unescape(following[1]) if following else ""
    return count


@pytest.fixture
def busy(cast, provider):
    """Requests of all ages, in many states; the page looks at 09:15."""
    for hours in (0.5, 2, 7, 30):
        cast.ask(at=cast.now - timedelta(hours=hours))
    cast.ask()
    provider.sends = Done("re_1")
    for _ in range(2):
        cast.run(cast.approve(cast.ask()))
    cast.approve(cast.ask())
    cast.ask_for_account_change()


@pytest.mark.parametrize("who", ["operator", "approver", "auditor"])
@pytest.mark.parametrize("query", ["", "?queue=refunds", "?queue=account-changes&period=7d"])
def test_each_figure_is_what_its_link_lists(busy, as_, who, query):
    """ui.md §6, 25"""
    client = as_(who)
    found = figures_on(client.get(f"/dashboard/{query}"))
    assert len(found) == 5 + 2 * len(AGE_WORDS)
    for url, value, label in found:
        assert listed_by(client, url) == value, label


def test_there_is_something_to_count(busy, as_):
    found = {label: value for _, value, label in figures_on(as_("operator").get("/dashboard/"))}
    assert found["Open"] == ApprovalRequest.objects.exclude(state="done").count()
    assert found["Done since 00:00 UTC"] == 2
    assert found["Stuck"] >= 1
    assert found["Over 24 h, on people"] == 1
    assert found["4 to 24 h, on people"] == 1


@pytest.mark.parametrize("period", list(PERIODS))
def test_an_empty_organisation_has_a_dashboard(as_, period):
    page = as_("operator").get(f"/dashboard/?period={period}")
    assert page.status_code == 200
    assert "Nothing is retrying." in text(page)
    assert "None in this period" in text(page)


@pytest.mark.parametrize("who", ["requester", "stranger", "superuser"])
def test_who_sees_no_queue_sees_no_dashboard(as_, who):
    assert as_(who).get("/dashboard/").status_code == 404


@pytest.mark.parametrize(
    "query", ["?period=x", "?queue=foreign", "?queue=%00", "?period=&queue=' OR 1"]
)
def test_nonsense_shows_what_is_meant_by_default(busy, as_, query):
    page = as_("operator").get(f"/dashboard/{query}")
    assert page.status_code in (200, 400)


def test_it_asks_the_same_number_of_questions_for_more(busy, cast, as_):
    client = as_("operator")
    few = queries_of(client, "/dashboard/")
    for _ in range(3):
        cast.ask()
    assert queries_of(client, "/dashboard/") == few


def test_the_same_numbers_come_as_a_file(busy, as_):
    client = as_("operator")
    answer = client.get("/dashboard/?format=csv")
    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    told = {line[0]: line[1] for line in lines}
    for _, value, label in figures_on(client.get("/dashboard/")):
        assert told[label] == str(value)


def test_each_chart_has_its_numbers_as_a_table(busy, as_):
    page = as_("operator").get("/dashboard/").content.decode()
    assert page.count("<figure") == 4
    assert page.count('role="img" aria-labelledby="chart-') == page.count("Show as table") == 3
    assert "Nothing is retrying." in page
    assert "style=" not in page


# --- The figures ---------------------------------------------------------------------------------------


def test_ages_cover_every_moment_once(now):
    for hours in (0, 1, 3.99, 4, 24, 24.01, 1000):
        at = now - timedelta(hours=hours)
        inside = [
            age
            for age, (least, most) in figures.AGES.items()
            if (least is None or at <= now - least) and (most is None or at > now - most)
        ]
        assert len(inside) == 1, hours


@pytest.mark.parametrize("period", list(figures.PERIODS))
def test_a_period_begins_at_the_edge_of_a_column_and_holds_now(now, period):
    width, since = figures.COLUMNS[period], figures.began(period, now)
    assert (since - figures.midnight(now)) % width == timedelta()
    assert now - figures.PERIODS[period] < since + width <= now + width


def test_flow_counts_all_that_was_asked_in_the_period(busy, cast):
    found = figures.of_queue(cast.access(cast.operator))
    since = figures.began("7d", cast.now + timedelta(minutes=1))
    lines = figures.flow(found, since, figures.COLUMNS["7d"], cast.now + timedelta(minutes=1))
    asked, _ = figures.totals(lines)
    assert asked == found.filter(created_at__gte=since).count()


def test_medians_are_of_the_middle(cast):
    for minutes in (10, 20, 60):
        item = cast.ask(at=cast.now - timedelta(minutes=minutes))
        cast.approve(item)
    found = figures.of_queue(cast.access(cast.operator))
    waits = figures.waits(found, cast.now - timedelta(hours=24))
    closed = sorted(s.closed_at - s.opened_at for s in Step.objects.exclude(closed_at=None))
    assert waits.approval == closed[1]


def test_what_one_may_not_see_is_not_counted(busy, cast):
    from django.utils import timezone

    nobody = figures.counts(figures.of_queue(cast.access(cast.stranger)), timezone.now())
    assert (nobody.open, nobody.done) == (0, 0)


# --- The shapes ----------------------------------------------------------------------------------------


def test_bars_stay_inside_the_drawing():
    height, shapes, labels = charts.bars([("a", (3, 1)), ("b", (0, 0)), ("c", (8, 8))])
    assert height == 3 * charts.ROW
    assert all(shape.x + shape.width <= charts.WIDTH + 0.01 for shape in shapes)
    assert all(shape.y + shape.height <= height for shape in shapes)
    assert [label.text for label in labels] == ["a", "3 + 1", "b", "0 + 0", "c", "8 + 8"]


def test_the_words_of_a_bar_end_before_its_number_begins():
    long = "Connection dropped after sending, answer lost"
    _, _, labels = charts.bars([(long, (12_048, 1))])
    words, value = (label.text for label in labels)
    assert len(words) + len(value) < charts.ACROSS
    assert value == "12048 + 1"


def test_nothing_has_no_bars():
    assert charts.bars([]) == (0, [], [])
    assert charts.columns([])[1] == []


@pytest.mark.parametrize(
    ("who", "home"),
    [
        ("operator", "/queue/?view=stuck"),
        ("auditor", "/audit/"),
        ("approver", "/decisions/"),
        ("requester", "/lookup/"),
        ("admin", "/dashboard/"),
        ("superuser", "/admin/"),
        ("stranger", "/help/"),
    ],
)
def test_everybody_begins_where_their_work_is(cast, as_, who, home):
    assert as_(who).get("/").headers["Location"] == home

"""What each way of using the audit explorer costs with very many events: `make bench-explorer`.

`python -m bench.explorer [--events 1000000] [--rounds 5] [--data-dir DIR]`. With `--data-dir` the data is
kept there and found again.

Through Django's test client as an auditor, each page in turns with its floor: the same page, shown from
the same events in memory, so that what is left is what looking for them costs. The look's own queries are
explained besides: time to plan them, time to carry them out, and how many blocks they touched. Exits
with 1 when one of them reads a part from its beginning to its end, or when a page asks more than its
budget.
"""

import argparse
import contextlib
import html
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlencode, urljoin

from bench.database import own_database

DEEP = 50  # pages
FEW = 1_000  # rows that may be read without an index
NEXT = re.compile(r'href="([^"]*)" rel="next"')
AUDITOR, ONE_QUEUE = "auditor@demo.test", "finance1@demo.test"


@dataclass
class Way:
    """One address as one person sees it, and what was measured of it."""

    name: str
    path: str
    email: str = AUDITOR
    queries: int = 0
    events: int = 0
    planning: float = 0
    running: float = 0
    blocks: int = 0
    scanned: set[str] = field(default_factory=set)
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    def wrong(self) -> list[str]:
        from tests.demo.pages import MOST

        found = [f"{self.name}: {part} is read whole" for part in sorted(self.scanned)]
        if self.queries > MOST:
            found.append(f"{self.name}: {self.queries} queries, {MOST} at most")
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-dir", default="")
    options = parser.parse_args()
    with own_database(options.data_dir):
        from django.utils import timezone

        from bench import many_events

        began = time.perf_counter()
        many_events.fill(options.events, at=timezone.now())
        print(f"{options.events:,} events, there after {time.perf_counter() - began:,.0f} s")
        ways = _measured(options.rounds)
    _report(ways)
    wrong = [sentence for way in ways for sentence in way.wrong()]
    if wrong:
        sys.exit("\n".join(wrong))


# --- The ways ------------------------------------------------------------------------------------


def _ways(get: Callable) -> list[Way]:
    from audit.models import Event

    newest = Event.objects.order_by("-recorded_at")[0]
    middle = newest.recorded_at - timedelta(days=365)
    about = Event.objects.filter(recorded_at__gte=middle, target_type="request")[0]
    correlation_id = about.context["correlation_id"]
    filters = {**_alone(about.target_id, correlation_id, middle), **_together(middle)}
    ways = [Way(name, f"/audit/?{urlencode(said)}") for name, said in filters.items()]
    return [
        *ways,
        Way(f"all, page {DEEP + 1}", _deep(get, "/audit/")),
        Way(f"person, page {DEEP + 1}", _deep(get, "/audit/?who=7")),
        Way("all, from the middle", _from("/audit/?", middle)),
        Way("action, from the middle", _from("/audit/?what=request.note&", middle)),
        Way("refused, from the middle", _from("/audit/?outcome=denied&", middle)),
        Way("one event, newest", f"/audit/events/{newest.pk}/"),
        Way("one event, a year ago", f"/audit/events/{about.pk}/"),
        Way("all, of one queue", "/audit/", ONE_QUEUE),
        Way("action, of one queue", "/audit/?what=request.note", ONE_QUEUE),
        Way("one event, of one queue", f"/audit/events/{about.pk}/", ONE_QUEUE),
    ]


def _alone(ref: str, correlation_id: str, middle: datetime) -> dict[str, dict[str, str]]:
    return {
        "all": {},
        "busy person": {"who": "7"},
        "person who left": {"who": "305"},
        "nobody": {"who": "987654"},
        "workers": {"who": "worker"},
        "action": {"what": "request.note"},
        "rare action": {"what": "policy.publish"},
        "action that never was": {"what": "record.archive"},
        "done": {"outcome": "success"},
        "refused": {"outcome": "denied"},
        "outcome unknown": {"outcome": "in_doubt"},
        "one request": {"object": ref},
        "type": {"object": "request"},
        "rare type": {"object": "policy"},
        "interaction": {"interaction": correlation_id},
        "interaction that never was": {"interaction": "nothing"},
        "a day a year ago": _days(middle, 1),
        "a month a year ago": _days(middle, 30),
    }


def _together(middle: datetime) -> dict[str, dict[str, str]]:
    rare = {"what": "policy.publish"}
    return {
        "rare action, period": {**rare, **_days(middle, 90)},
        "rare action, person": {**rare, "who": "7"},
        "rare action, refused": {**rare, "outcome": "denied"},
        "rare action, all at once": {
            **rare,
            "who": "7",
            "outcome": "denied",
            **_days(middle, 300),
        },
        "person, refused": {"who": "7", "outcome": "denied"},
        "person, rare action": {"who": "7", "what": "admin.delete"},
        "action, refused, period": {
            "what": "request.note",
            "outcome": "denied",
            **_days(middle, 30),
        },
        "workers, unknown, period": {"who": "worker", "outcome": "in_doubt", **_days(middle, 60)},
        "workers, rare type": {"who": "worker", "object": "policy"},
    }


def _days(first: datetime, count: int) -> dict[str, str]:
    last = first + timedelta(days=count - 1)
    return {"since": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"}


def _from(path: str, at: datetime) -> str:
    from approvals.paging import cursor_at

    return path + urlencode({"cursor": cursor_at([at.isoformat(), 1], of="audit")})


def _deep(get: Callable, path: str) -> str:
    """The address that is reached by following “next” from the first page."""
    for _ in range(DEEP):
        following = NEXT.search(get(Way("", path)).content.decode())
        if following is None:
            break
        path = urljoin(path, html.unescape(following[1]))
    return path


# --- Measuring -----------------------------------------------------------------------------------


def _measured(rounds: int) -> list[Way]:
    get = _reader()
    ways = _ways(get)
    for way in ways:
        get(way)  # once, unmeasured: it is recorded that one reads, and everything is loaded
        _weigh(get, way)
    for way in ways:
        with _from_memory(lambda way=way: get(way)) as shown:
            for _ in range(rounds):
                way.ours.append(_seconds(lambda way=way: get(way)))
                way.floor.append(_seconds(shown))
    return ways


def _reader() -> Callable:
    from django.http import HttpResponse
    from django.test import Client

    from accounts.models import User

    clients = {email: Client(HTTP_HOST="localhost") for email in (AUDITOR, ONE_QUEUE)}
    for email, client in clients.items():
        client.force_login(User.objects.get(email=email))

    def get(way: Way) -> HttpResponse:
        answer = clients[way.email].get(way.path)
        if answer.status_code != 200:
            sys.exit(f"{way.path} answered {answer.status_code}")
        return answer

    return get


def _seconds(act: Callable) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@contextlib.contextmanager
def _from_memory(get: Callable) -> Iterator[Callable]:
    """The same page with what was found for it the last time, and nothing looked for."""
    from auditing import queries, searching

    found: dict[str, Any] = {}
    places = [(searching, "look"), (queries, "find_event"), (queries, "neighbours")]
    for module, name in places:
        search = getattr(module, name)
        keep = lambda *a, _s=search, _n=name, **k: found.setdefault(_n, _s(*a, **k))  # noqa: E731
        with mock.patch.object(module, name, keep):
            get()

    def shown() -> None:
        with contextlib.ExitStack() as patches:
            for module, name in places:
                kept = lambda *a, _n=name, **k: found[_n]  # noqa: E731
                patches.enter_context(mock.patch.object(module, name, kept))
            get()

    yield shown


def _weigh(get: Callable, way: Way) -> None:
    """How many questions the page asks, how many events it lists, and what each look costs."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        answer = get(way)
    way.queries, way.events = len(seen), answer.content.count(b'href="/audit/events/')
    for query in seen.captured_queries:
        if query["sql"].startswith("SELECT") and 'FROM "audit_event"' in query["sql"]:
            _explain(query["sql"], way)


def _explain(sql: str, way: Way) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql.replace('%', '%%')}", [])
        [found] = cursor.fetchone()
    [plan] = json.loads(found) if isinstance(found, str) else found
    way.planning += plan["Planning Time"]
    way.running += plan["Execution Time"]
    way.blocks += plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    way.scanned |= set(_read_whole(plan["Plan"]))


def _read_whole(node: dict) -> Iterator[str]:
    """The parts that are read from beginning to end, but for those with next to nothing in them."""
    read = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
    if node["Node Type"] == "Seq Scan" and read > FEW:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _read_whole(below)


def _report(ways: list[Way]) -> None:
    print(
        f"{'way':28} {'rows':>5} {'queries':>7} {'page':>9} {'floor':>9} {'ratio':>6}"
        f"   looks: {'plan':>8} {'run':>9} {'blocks':>7}"
    )
    for way in ways:
        ours, floor = statistics.median(way.ours) * 1000, statistics.median(way.floor) * 1000
        print(
            f"{way.name:28} {way.events:5} {way.queries:7} {ours:7.1f}ms {floor:7.1f}ms"
            f" {ours / floor:6.2f}   {way.planning:13.1f}ms {way.running:7.1f}ms {way.blocks:7,}"
        )


if __name__ == "__main__":
    main()

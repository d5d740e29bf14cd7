"""People and services that read: they come at random moments, so many a second."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from bench.long_run.browser import get
from tests.crash.harness.clients import Arrivals, Clients
from tests.crash.harness.world import Account

READERS = 8


@dataclass
class Readers:
    """`auditor` is a session, `token` one of the API that may read. `seen` counts answers by status."""

    clients: Clients
    port: int
    auditor: str
    token: str
    per_second: float
    is_over: threading.Event
    seen: Counter[int] = field(default_factory=Counter)

    def start(self) -> None:
        self._lock = threading.Lock()
        self._arrivals = Arrivals(self.per_second, random.Random("readers"))
        for number in range(READERS):
            threading.Thread(target=self._live, args=(number,), daemon=True).start()

    def _live(self, number: int) -> None:
        draw = random.Random(f"reader {number}")
        reads: dict[Callable[[random.Random], int], float] = {
            self._queue: 5,
            self._request: 6,
            self._search: 3,
            self._page_of_its_own: 4,
            self._export: 0.4,
            self._audit: 0.6,
            self._call: 5,
        }
        while not self.is_over.is_set():
            self._arrivals.wait(self.is_over)
            [read] = draw.choices(list(reads), list(reads.values()))
            status = read(draw)
            with self._lock:
                self.seen[status] += 1

    def _as(self, role: str, path: str, draw: random.Random) -> int:
        account: Account = draw.choice(self.clients.world.with_role(role))
        return get(self.port, path, session=account.session).status

    def _queue(self, draw: random.Random) -> int:
        view = draw.choice(("me", "stuck", "people", "systems", "all"))
        role = draw.choice(("operates", "decides refunds"))
        return self._as(role, f"/queue/?view={view}", draw)

    def _request(self, draw: random.Random) -> int:
        known = self.clients.board.draw_any(draw)
        if known is None:
            return self._queue(draw)
        role = "operates" if known.kind == "account" else draw.choice(("operates", "asks"))
        return self._as(role, f"/requests/{known.ref}/", draw)

    def _search(self, draw: random.Random) -> int:
        number = draw.randrange(1, max(2, len(self.clients.history)))
        words = draw.choice((f"Customer {number % 50}", f"ZD-{number}", f"O-{number}"))
        if draw.random() < 0.5:
            return self._as("operates", f"/queue/?view=all&q={quote(words)}", draw)
        return self._as("asks", f"/lookup/?q={quote(words)}", draw)

    def _page_of_its_own(self, draw: random.Random) -> int:
        path = draw.choice(
            ("/decisions/", "/failures/", "/inbox/", "/systems/", "/dashboard/", "/handoff/", "/")
        )
        role = "decides refunds" if path == "/decisions/" else "operates"
        return self._as(role, path, draw)

    def _export(self, draw: random.Random) -> int:
        return self._as("operates", "/queue/export/?view=all", draw)

    def _audit(self, draw: random.Random) -> int:
        path = draw.choice(("/audit/", "/audit/?outcome=denied", "/audit/export/?outcome=denied"))
        return get(self.port, path, session=self.auditor).status

    def _call(self, draw: random.Random) -> int:
        known = self.clients.board.draw_any(draw)
        paths = ["/api/v1/requests?limit=50", "/api/v1/events"]
        if known is not None:
            paths += [f"/api/v1/requests/{known.ref}", f"/api/v1/requests/{known.ref}/answer"]
        return get(self.port, draw.choice(paths), token=self.token).status

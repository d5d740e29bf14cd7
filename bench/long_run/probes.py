"""How long reading and writing take, beside a floor of the same moment.

One person, one thing after the other: a fixed page, the queue, a request, a search; a form that
commits one row, and a note on a request. Faults go on meanwhile: an answer that did not come is counted.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.long_run.browser import Seen, get, post
from tests.crash.harness.clients import Clients
from tests.crash.harness.history import OK

ROUND_S = 3.0
FLOORS = {"queue": "page", "request": "page", "search": "page", "note": "row"}


@dataclass(frozen=True)
class Probed:
    """One measurement. `at_s`: since the run began, in seconds."""

    name: str
    at_s: float
    took_s: float
    is_answered: bool


@dataclass
class Probes:
    clients: Clients
    port: int
    is_over: threading.Event
    since: Callable[[], float]
    found: list[Probed] = field(default_factory=list)

    def start(self) -> None:
        self._draw = random.Random("probes")
        [self._reader, *_] = self.clients.world.with_role("operates")
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        probes: dict[str, Callable[[], Seen]] = {
            "page": lambda: self._read("/floor/page/"),
            "row": lambda: post(self.port, "/floor/row/", session=self._reader.session, body=""),
            "queue": lambda: self._read("/queue/?view=all"),
            "search": lambda: self._read("/queue/?view=all&q=Customer%207"),
            "request": self._request,
            "note": self._note,
        }
        while not self.is_over.wait(ROUND_S * self._draw.uniform(0.5, 1.5)):
            for name in self._draw.sample(list(probes), len(probes)):
                at_s = self.since()
                seen = probes[name]()
                self.found.append(Probed(name, at_s, seen.took_s, seen.is_read))

    def _read(self, path: str) -> Seen:
        return get(self.port, path, session=self._reader.session)

    def _request(self) -> Seen:
        known = self.clients.board.draw(self._draw)
        return self._read(f"/requests/{known.ref}/" if known else "/queue/?view=all")

    def _note(self) -> Seen:
        """A command like any other, and part of the comparison at the end."""
        known = self.clients.board.draw(self._draw)
        if known is None:
            return Seen(0, 0.0)
        began = time.monotonic()
        command = self.clients.do(
            self._reader,
            "note",
            f"/requests/{known.ref}/note/",
            {"reason": "Measured."},
            self._draw,
            ref=known.ref,
        )
        first = command.answers[0]
        is_answered = first.kind == OK and len(command.answers) == 1
        return Seen(200 if is_answered else 0, time.monotonic() - began)

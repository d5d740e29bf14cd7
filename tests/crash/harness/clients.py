"""People at their browsers: they submit, decide, hold, try again and withdraw, and do it twice.

Each client is a thread with draws of its own. An answer that promises nothing is asked for again
with the same key until it is definite. What they know of a request is what they were told.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.crash.harness.history import OK, Command, History
from tests.crash.harness.web import Web
from tests.crash.harness.world import Account, World

CLIENTS = 16
HOT = 16
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 1.5


@dataclass(frozen=True)
class Load:
    """Shares of the work. `hot`: how often the next thing is a crowd on one of the hot requests."""

    create: float = 0.33
    decide: float = 0.58
    other: float = 0.09
    hot: float = 0.06
    replay: float = 0.05
    kinds: Mapping[str, float] = field(
        default_factory=lambda: {"none": 0.25, "one": 0.3, "two": 0.2, "account": 0.25}
    )
    pause_s: float = 0.0
    per_second: float = 0.0  # as people come, whether or not the answers do; 0: one after the other


class Arrivals:
    """When the next of them comes: at random moments, so many a second. For many threads."""

    def __init__(self, per_second: float, draw: random.Random) -> None:
        self._per_second, self._draw = per_second, draw
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def wait(self, is_over: threading.Event) -> None:
        """Until it is one's turn; at once for those who are late."""
        with self._lock:
            self._next += self._draw.expovariate(self._per_second)
            mine = self._next
        is_over.wait(max(mine - time.monotonic(), 0))


@dataclass
class Known:
    """What the clients know of one request."""

    ref: str
    kind: str
    asker: Account
    form: dict[str, str]
    revision: int = 1
    approvals: int = 0


class Board:
    """The requests that clients believe to be open, newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Known] = {}
        self._ended: list[Known] = []

    def add(self, known: Known) -> None:
        with self._lock:
            self._open[known.ref] = known

    def close(self, ref: str) -> None:
        with self._lock:
            if known := self._open.pop(ref, None):
                self._ended = [*self._ended[-200:], known]

    def draw(self, draw: random.Random) -> Known | None:
        with self._lock:
            return draw.choice(list(self._open.values())) if self._open else None

    def draw_any(self, draw: random.Random) -> Known | None:
        """Also one that has ended: what people try too late."""
        with self._lock:
            found = [*self._open.values(), *self._ended]
        return draw.choice(found) if found else None

    def __len__(self) -> int:
        return len(self._open)


class Clients:
    """All clients of one run."""

    def __init__(self, world: World, web: Web, history: History, *, seed: int, load: Load) -> None:
        self.world, self.web, self.history, self.load = world, web, history, load
        self.seed = seed
        self.board = Board()
        self.hot: list[Known | None] = [None] * HOT
        self.hot_locks = [threading.Lock() for _ in range(HOT)]
        self.crowd = ThreadPoolExecutor(max_workers=40)
        self.is_over = threading.Event()
        self.gives_up_at = float("inf")
        self.errors: list[BaseException] = []
        rate = load.per_second
        self._arrivals = Arrivals(rate, random.Random(f"arrivals {seed}")) if rate else None
        self._threads = [
            threading.Thread(target=self._live, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self, *, within_s: float) -> None:
        """No new commands; those without a definite answer are asked again for so long."""
        self.gives_up_at = min(self.gives_up_at, time.monotonic() + within_s)
        self.is_over.set()
        for thread in self._threads:
            thread.join(timeout=within_s + 60)
        self.crowd.shutdown(wait=True)
        if self.errors:
            raise self.errors[0]

    def abandon(self) -> None:
        """However the run ended, nobody goes on asking."""
        self.gives_up_at = 0.0
        self.is_over.set()
        self.crowd.shutdown(wait=False, cancel_futures=True)

    def _live(self, number: int) -> None:
        draw = random.Random(f"{self.seed}/{number}")
        try:
            while not self.is_over.is_set():
                if self._arrivals:
                    self._arrivals.wait(self.is_over)
                self._one_thing(draw)
                if self.load.pause_s:
                    time.sleep(self.load.pause_s)
        except BaseException as error:
            if not self.gives_up_at:
                return  # abandoned in the middle of something
            self.errors.append(error)
            raise

    def _one_thing(self, draw: random.Random) -> None:
        if draw.random() < self.load.hot:
            self._crowd_on_a_hot_one(draw)
        elif draw.random() < self.load.replay:
            self._replay(draw)
        else:
            [does] = draw.choices(
                (self._create, self._decide, self._do_something_else),
                (self.load.create, self.load.decide, self.load.other),
            )
            does(draw)

    # --- Asking ---------------------------------------------------------------------------------

    def _create(self, draw: random.Random) -> Known | None:
        [kind] = draw.choices(list(self.load.kinds), list(self.load.kinds.values()))
        known = self.ask(kind, draw)
        if known is not None and kind != "none":
            self.board.add(known)
        return known

    def ask(self, kind: str, draw: random.Random, *, is_hot: bool = False) -> Known | None:
        """Submit one; None when it was refused or nobody could say."""
        asker = draw.choice(self.world.with_role("asks"))
        if kind == "account":
            asker = draw.choice(self.world.with_role("asks") + self.world.with_role("operates"))
        form = form_of(kind, self.history.number(), draw)
        slug = "account_change" if kind == "account" else "refund"
        command = self.do(
            asker, "submit", f"/requests/new/{slug}/check/", form, draw, is_hot=is_hot
        )
        if command.acked is None:
            return None
        return Known(command.ref_it_is_about, kind, asker, form)

    # --- Deciding -------------------------------------------------------------------------------

    def _decide(self, draw: random.Random) -> None:
        known = self.board.draw(draw)
        if known is None:
            self._create(draw)
            return
        self._decide_on(known, draw.choice(self._deciders(known)), draw)

    def _deciders(self, known: Known) -> list[Account]:
        role = "decides changes" if known.kind == "account" else "decides refunds"
        return self.world.with_role(role)

    def _decide_on(
        self, known: Known, decider: Account, draw: random.Random, *, is_hot: bool = False
    ) -> None:
        [verb] = draw.choices(("approve", "reject", "send_back"), (0.86, 0.09, 0.05))
        form = {"reason": "As agreed."}
        if verb == "approve" and draw.random() < 0.5:
            form = {"reason": ""}
        command = self._on(known, verb, decider, form, draw, is_hot=is_hot, sees_step=True)
        answer = command.definite
        if answer is None:
            return
        if answer.kind == OK and verb == "approve":
            known.approvals += 1
        if answer.status == 409 or (answer.kind == OK and _ends(known, verb)):
            self.board.close(known.ref)

    def _crowd_on_a_hot_one(self, draw: random.Random) -> None:
        """Three to five people decide the same request in the same moment."""
        place = draw.randrange(HOT)
        with self.hot_locks[place]:
            known = self.hot[place] or self.ask("two", draw, is_hot=True)
            self.hot[place] = known
            if known is None:
                return
            deciders = draw.sample(self._deciders(known), draw.randint(3, 5))
            seeds = [random.Random(draw.random()) for _ in deciders]
            done = self.crowd.map(
                lambda decider, seed: self._decide_on(known, decider, seed, is_hot=True),
                deciders,
                seeds,
            )
            list(done)
            if known.approvals >= 2 or draw.random() < 0.5:
                self.hot[place] = None  # closed, or left to those who come later
                if known.approvals < 2:
                    self.board.add(known)

    # --- Everything else ------------------------------------------------------------------------

    def _do_something_else(self, draw: random.Random) -> None:
        known = self.board.draw_any(draw)
        if known is None:
            self._create(draw)
            return
        does: Callable[[Known, random.Random], None] = draw.choice(
            (
                self._withdraw,
                self._resubmit,
                self._decide_own,
                self._decide_stale,
                self._note_with_stale_version,
                self._use_a_key_twice,
                self._take_back,
                self._operate,
                self._operate,
                self._operate,
            )
        )
        does(known, draw)

    def _withdraw(self, known: Known, draw: random.Random) -> None:
        who = draw.choice([known.asker, *self.world.with_role("operates")])
        command = self._on(known, "withdraw", who, {"reason": "Not wanted."}, draw)
        if command.acked:
            self.board.close(known.ref)

    def _resubmit(self, known: Known, draw: random.Random) -> None:
        form = {**known.form, "reason": f"Changed {draw.random()}."}
        if known.kind == "two":
            form["amount"] = f"{draw.randint(1001, 9000)}.00"
        form["revision"] = str(known.revision)
        command = self._on(known, "resubmit", known.asker, form, draw)
        if command.acked:
            known.revision += 1
            known.approvals = 0
            known.form = form

    def _decide_own(self, known: Known, draw: random.Random) -> None:
        self._on(known, "approve", known.asker, {"reason": ""}, draw, sees_step=True)

    def _decide_stale(self, known: Known, draw: random.Random) -> None:
        decider = draw.choice(self._deciders(known))
        stale = Known(known.ref, known.kind, known.asker, known.form, revision=known.revision + 7)
        self._on(stale, "approve", decider, {"reason": ""}, draw, sees_step=True)

    def _note_with_stale_version(self, known: Known, draw: random.Random) -> None:
        form = {"reason": "Called the customer.", "version": str(draw.choice((1, 2, 99)))}
        self._on(known, "note", known.asker, form, draw)

    def _use_a_key_twice(self, known: Known, draw: random.Random) -> None:
        """The second content under the same key must be refused."""
        key = str(uuid.uuid4())
        for text in ("First.", "Second."):
            self._on(known, "note", known.asker, {"reason": text}, draw, key=key)

    def _take_back(self, known: Known, draw: random.Random) -> None:
        self._on(known, "take_back", draw.choice(self._deciders(known)), {}, draw)

    def _operate(self, known: Known, draw: random.Random) -> None:
        verb = draw.choice(
            ("claim", "release", "note", "hold", "resume", "try_again", "ask_provider")
        )
        operator = draw.choice(self.world.with_role("operates"))
        self._on(known, verb, operator, {"reason": "Looked into it."}, draw)

    # --- Sending --------------------------------------------------------------------------------

    def _on(
        self,
        known: Known,
        verb: str,
        account: Account,
        form: Mapping[str, str],
        draw: random.Random,
        *,
        is_hot: bool = False,
        sees_step: bool = False,
        key: str = "",
    ) -> Command:
        seen = {"revision": str(known.revision), "step": "1"} if sees_step else {}
        path = f"/requests/{known.ref}/{verb.replace('_', '-')}/"
        return self.do(
            account, verb, path, {**seen, **form}, draw, ref=known.ref, is_hot=is_hot, key=key
        )

    def do(
        self,
        account: Account,
        verb: str,
        path: str,
        form: Mapping[str, str],
        draw: random.Random,
        *,
        ref: str = "",
        is_hot: bool = False,
        key: str = "",
    ) -> Command:
        command = self.history.begin(
            account=account.id,
            verb=verb,
            key=key or str(uuid.uuid4()),
            path=path,
            form=dict(form),
            ref=ref,
            is_hot=is_hot,
        )
        if draw.random() < 0.05:  # a double click
            other = random.Random(draw.random())
            second = self.crowd.submit(self._until_definite, command, account, other)
            self._until_definite(command, account, draw)
            second.result()
        else:
            self._until_definite(command, account, draw)
        return command

    def _until_definite(self, command: Command, account: Account, draw: random.Random) -> None:
        wait = FIRST_WAIT_S
        while True:
            answer = self.web.send(account, command, draw)
            command.answers.append(answer)
            if answer.is_definite or time.monotonic() > self.gives_up_at:
                return
            time.sleep(wait * draw.uniform(0.5, 1.5))
            wait = min(wait * 2, LONGEST_WAIT_S)

    def _replay(self, draw: random.Random) -> None:
        """What was confirmed before is sent again, as it was: the same answer, and nothing done."""
        acked = [command for command in list(self.history)[-400:] if command.acked]
        if not acked:
            return
        command = draw.choice(acked)
        account = next(a for a in self.world.accounts if a.id == command.account)
        self._until_definite(command, account, draw)


def form_of(kind: str, number: int, draw: random.Random) -> dict[str, str]:
    """A form of its own for each: nothing that another open request asks for."""
    common = {"customer": f"Customer {number % 50}", "ticket": f"ZD-{number}", "reason": "Lost."}
    unique = f"{number}x{draw.randrange(10**6)}"
    if kind == "account":
        change = draw.choice(("payout_account", "email", "limit"))
        return {**common, "account": f"acct_{unique}", "change": change, "to": f"new {unique}"}
    low, high = {"none": (1, 50), "one": (51, 1000), "two": (1001, 9000)}[kind]
    amount = f"{draw.randint(low, high - 1)}.{draw.randint(1, 99):02}"
    return {
        **common,
        "order": f"O-{number}",
        "payment": f"pi_{unique}_1000000_eur",
        "amount": amount,
        "currency": "EUR",
        "reason_code": "lost_parcel",
    }


def _ends(known: Known, verb: str) -> bool:
    return verb != "approve" or known.kind != "two" or known.approvals >= 2

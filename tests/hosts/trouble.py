"""What happens to the hosts, one thing after another: cut cables, dead machines, promotions.

It takes the killer's place in a run of the crash test. Each thing is a generator that yields how
many seconds pass until its next step; what it began it also ends, also when the load is over.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import psycopg

from config import embedded
from tests.crash.harness.history import OK, History
from tests.crash.harness.web import Web
from tests.hosts.loss import Explained, Had, Loss, what_was_received
from tests.hosts.parts import LanParts
from tests.hosts.servers import PORT, Server
from tests.hosts.topology import Host

Story = Iterator[float]
ADMINS = ("admin@demo.test", "admin2@demo.test")
SHORT_CUT_S, LONG_CUT_S = 4, 20  # TCP gets over the one; the other outlasts its patience
SPLIT_S = 8
WAITS_FOR_ANSWER_S = 90


@dataclass
class Promotion:
    """Times in seconds. `outage_s` runs from the end of the old primary to the first command that
    the new one answered, the others from when it takes writes. `only_on_old` are commands (and events
    and tries of effects) that the old primary had committed and the standby had not got, in the last
    `window_s`; with synchronous commits nobody was told of them."""

    how: str
    outage_s: float = 0.0
    first_answer_s: float = 0.0
    first_try_s: float | None = None
    only_on_old: int = 0
    only_on_old_events: int = 0
    only_on_old_tries: int = 0
    window_s: float = 0.0
    refused_on_old: int = 0
    answered_on_old: int = 0
    quarantined_after_s: float | None = None
    released_after_s: float | None = None
    sent_again: int = 0  # submissions that only the old one had, with their keys


@dataclass
class Trouble:
    parts: LanParts
    history: History
    say: Callable[[str], None]
    seed: int
    lag_s: float
    password: str
    is_short: bool = False
    explained: Explained = field(default_factory=Explained)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    promotions: list[Promotion] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(f"hosts {self.seed}")
        self.is_over = False
        self.goes_on_at = 0.0
        self.story = self._story()
        # As the crash test's own menu has it; keys are known to this provider.
        self.parts.set_faults({"hang_after_effect": 0.03, "error_after_effect": 0.03, "slow": 0.05})

    # --- As the killer --------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def tick(self, commands: int) -> None:
        if time.monotonic() >= self.goes_on_at:
            self.goes_on_at = time.monotonic() + next(self.story, 1.0)

    def calm(self) -> None:
        """What has begun comes to its end, and nothing more begins."""
        self.is_over = True
        for seconds in self.story:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self.parts.watch()
                time.sleep(0.1)
        self.parts.set_faults({})

    # --- The story ------------------------------------------------------------------------------

    def _story(self) -> Story:
        """In each round everything once, and the promotions in the middle of it."""
        yield 3
        while self.is_short and not self.is_over:
            for one in (self._power_cut(self._worker()), self._freeze_primary()):
                yield from one
            while not self.is_over:
                yield 1
        while not self.is_over:
            small = [self._cut(self._worker(), LONG_CUT_S), self._power_cut(self._web())]
            more = [self._cut(self._web(), LONG_CUT_S), self._power_cut(self._worker())]
            more.append(self._cut_between_the_servers())
            for one in (*small, self._lose_primary(), *more, self._freeze_primary()):
                if self.is_over:
                    return
                yield from one
                yield self.draw.uniform(1, 3)

    def _web(self) -> Host:
        return self.draw.choice(self.parts.webs)

    def _worker(self) -> Host:
        return self.draw.choice(self.parts.job_hosts)

    def _cut(self, host: Host, seconds: float) -> Story:
        """Alone on the LAN: nothing it sends arrives, and nothing tells it so."""
        self.say(f"The cable of {host.name} is cut for {seconds} s.")
        self.faults["cable cut"] += 1
        host.cut()
        yield seconds
        host.mend()

    def _power_cut(self, host: Host) -> Story:
        self.say(f"{host.name} loses its power.")
        self.kills[host.name.rstrip("123")] += 1
        self.parts.power_off(host)
        yield self.draw.uniform(2, 4)
        self.parts.power_on(host)

    def _cut_between_the_servers(self) -> Story:
        """Commits that wait for the standby wait; without, the standby falls behind and catches up."""
        pair = self.parts.pair
        self.say("The primary and its standby lose each other.")
        self.faults["cable cut"] += 1
        pair.primary.host.fall_silent_to(pair.standby.host)
        yield SHORT_CUT_S * 2
        pair.primary.host.speak_to(pair.standby.host)
        pair.join()

    # --- Promotions -----------------------------------------------------------------------------

    def _lose_primary(self) -> Story:
        """The primary's power goes. Without synchronous commits the standby was behind."""
        pair, seen = self.parts.pair, Promotion("the primary lost its power")
        if not pair.synchronous:
            self.say(f"The standby gets nothing for {self.lag_s} s.")
            self.faults["cable cut"] += 1
            pair.primary.host.fall_silent_to(pair.standby.host)
            yield self.lag_s
        self.say("The primary loses its power.")
        died_at = time.time()
        self.kills["database"] += 1
        pair.primary.kill()
        yield self.draw.uniform(1, 2)
        yield from self._promote(seen, died_at, old_is_gone=True)

    def _freeze_primary(self) -> Story:
        """It stands still, is replaced, and comes to itself believing that it is the primary."""
        pair, seen = self.parts.pair, Promotion("the primary stood still and came back")
        self.say("The primary stands still.")
        died_at = time.time()
        self.faults["frozen host"] += 1
        pair.primary.host.freeze()
        yield self.draw.uniform(1, 2)
        if not pair.synchronous:
            # Nothing but this keeps an asynchronous one from answering again.
            pair.primary.kill()
        yield from self._promote(seen, died_at, old_is_gone=not pair.synchronous)

    def _promote(self, seen: Promotion, died_at: float, *, old_is_gone: bool) -> Story:
        pair = self.parts.pair
        old = pair.primary
        got = what_was_received(pair.standby, embedded.DATABASE)
        pair.promote()
        promoted_at = time.time()
        self.parts.follow()
        self.promotions.append(seen)
        self.say("The standby is the primary now.")
        if not old_is_gone:
            old.host.thaw()
            yield from self._two_primaries(seen, old)
        yield from self._first_answer(seen, died_at, promoted_at)
        if not pair.synchronous:
            yield from self._quarantine(seen, promoted_at)
        yield 3
        seen.first_try_s = self._first_try(promoted_at)
        had = Had()
        pair.rejoin(lambda connection: vars(had).update(vars(Had.read(connection))))
        loss = Loss.between(had, got, died_at)
        self._state_loss(seen, loss)
        if not pair.synchronous:
            seen.sent_again = self._send_again(loss)
        self.say(f"The old primary is the standby now: {asdict(seen)}")

    def _two_primaries(self, seen: Promotion, old: Server) -> Story:
        """Whoever writes to the old one gets no answer, until its power is cut."""
        self.say("The old primary is back and knows nothing of it.")
        probes = [Probe(old.host.address, old.embedded) for _ in range(3)]
        yield SPLIT_S
        seen.answered_on_old = sum(probe.was_answered for probe in probes)
        seen.refused_on_old = len(probes) - seen.answered_on_old
        self.kills["database"] += 1
        old.kill()

    def _first_answer(self, seen: Promotion, died_at: float, promoted_at: float) -> Story:
        """Of a command that nobody can have recorded before, since it was sent after the promotion."""
        until = time.monotonic() + WAITS_FOR_ANSWER_S
        while time.monotonic() < until:
            times = [
                answer.at
                for command in list(self.history)[-600:]
                for answer in command.answers
                if answer.kind == OK and answer.at - answer.took_s > promoted_at
            ]
            if times:
                seen.outage_s = round(min(times) - died_at, 1)
                seen.first_answer_s = round(min(times) - promoted_at, 1)
                return
            yield 0.2
        raise TimeoutError(f"Nobody got an answer within {WAITS_FOR_ANSWER_S} s of the promotion.")

    def _first_try(self, promoted_at: float) -> float | None:
        [(at,)] = self._rows(
            "SELECT extract(epoch FROM min(started_at))::float FROM approvals_attempt"
            f" WHERE purpose = 'send' AND started_at > to_timestamp({promoted_at})"
        )
        return None if at is None else round(at - promoted_at, 1)

    def _state_loss(self, seen: Promotion, loss: Loss) -> None:
        """What stood on the old primary only. With synchronous commits nobody was told of it."""
        seen.only_on_old, seen.only_on_old_events = loss.commands, loss.events
        seen.only_on_old_tries, seen.window_s = loss.sent, loss.seconds
        if not self.parts.pair.synchronous:
            self.explained.subjects |= loss.subjects

    # --- After a promotion that lost something --------------------------------------------------

    def _send_again(self, loss: Loss) -> int:
        """What was confirmed and is lost, as a service keeps it until it is told to; how much was taken."""
        web = Web(self.parts.places)
        accounts = {account.id: account for account in self.parts.world.accounts}
        lost = [
            command
            for command in self.history
            if command.verb == "submit" and command.acked and command.key in loss.subjects
        ]
        answers = [web.send(accounts[command.account], command, self.draw) for command in lost]
        return sum(answer.kind == OK for answer in answers)

    def _quarantine(self, seen: Promotion, promoted_at: float) -> Story:
        """The product recognises it; two administrators reconcile and release it."""
        until = time.monotonic() + WAITS_FOR_ANSWER_S
        while not self._rows("SELECT 1 FROM approvals_quarantine WHERE is_open"):
            if time.monotonic() > until:
                raise TimeoutError("The product did not recognise that it may have lost something.")
            yield 0.2
        seen.quarantined_after_s = round(time.time() - promoted_at, 1)
        self.say("The product is in quarantine.")
        self._rows("CREATE TABLE IF NOT EXISTS crash_sessions AS TABLE django_session")
        self._administer("--reconcile", ADMINS[0])
        # Everybody signs in again.
        self._rows("INSERT INTO django_session TABLE crash_sessions ON CONFLICT DO NOTHING")
        for admin in ADMINS:
            until = time.monotonic() + WAITS_FOR_ANSWER_S
            while refusal := self._administer("--release", admin):
                if time.monotonic() > until:
                    raise TimeoutError(f"It is not released: {refusal}")
                yield 1
        seen.released_after_s = round(time.time() - promoted_at, 1)
        self.say("Two administrators have released it.")

    def _administer(self, verb: str, admin: str) -> str:
        """What it says against it; "" when it is done."""
        done = self.parts.does("quarantine", verb, "--by", admin, says=self.password)
        return done.stderr.strip()[-300:] if done.returncode else ""

    def _rows(self, query: str) -> list[tuple]:
        return self.parts.pair.primary.ask(query, embedded.DATABASE)


class Probe:
    """One write to a server that believes to be the primary, in a thread of its own."""

    def __init__(self, address: str, server: embedded.EmbeddedServer) -> None:
        self.was_answered = False
        login = server.login(embedded.APPLICATION)
        self.where = {
            "host": address,
            "port": PORT,
            "user": login.user,
            "password": login.password,
            "dbname": embedded.DATABASE,
        }
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        try:
            with psycopg.connect(**self.where, connect_timeout=5, autocommit=True) as connection:
                connection.execute(
                    "INSERT INTO audit_probe (said) VALUES ('Does anybody confirm this?')"
                )
                self.was_answered = True
        except psycopg.OperationalError:
            return

"""One scene for each deliberate mistake: the load and the faults under which it must show.

The same scene with the product intact must be clean; `--intact` plays it so.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.crash.harness.clients import Load
from tests.crash.harness.killer import NOTHING
from tests.crash.harness.run import DURATIONS, Plan, Running

SEED = 7
ONLY_SMALL = {"none": 1.0}
ONLY_TWO = {"two": 1.0}
CALM = NOTHING


def no_row_lock() -> Plan:
    """Crowds on hot requests and nothing else."""
    return Plan(SEED, 15, menu=CALM, load=Load(hot=0.8, kinds=ONLY_TWO))


def no_lease_epoch() -> Plan:
    """A worker falls asleep with a refusal in its hand and wakes up while another is sending."""
    return Plan(
        SEED,
        45,
        menu=replace(CALM, is_scripted=True),
        load=Load(create=1, decide=0, other=0, hot=0, replay=0, kinds=ONLY_SMALL, pause_s=30),
        concurrency=1,
        durations=DURATIONS | {"slow-seconds": 1.2, "retry-after-seconds": 1},
        each_tick=_LateRefusal(),
    )


class _LateRefusal:
    """The steps of `no_lease_epoch`, again and again."""

    def __init__(self) -> None:
        self.step: Callable[[Running], None] = self._begin
        self.until_s = 0.0
        self.keys: set[str] = set()
        self.pid = 0

    def __call__(self, running: Running) -> None:
        if running.clients.is_over.is_set():
            running.killer.wake_all()
        else:
            self.step(running)

    def _begin(self, running: Running) -> None:
        running.parts.set_faults({"rate_limit": 1.0, "ignore_keys": 1.0})
        running.killer.arm("call.after", "stop")
        self.step = self._asleep

    def _asleep(self, running: Running) -> None:
        """Somebody stands still; which effects are in its hands?"""
        asleep = running.killer.asleep
        if not asleep:
            return
        self.pid = asleep[0]
        running.killer.sleeps_until_woken(self.pid)
        self.keys = {
            key
            for (key,) in running.rows(
                "SELECT e.key FROM approvals_attempt a JOIN approvals_effect e ON e.id = a.effect_id"
                " WHERE a.finished_at IS NULL AND a.purpose = 'send' AND a.worker LIKE %s",
                f"%/{self.pid}/%",
            )
        }
        # From now on the provider works, slowly, and knows no keys.
        running.parts.set_faults({"slow": 1.0, "ignore_keys": 1.0})
        self.until_s = running.passed_s + 45
        self.step = self._others_send

    def _others_send(self, running: Running) -> None:
        """The lease is over, somebody else has sent and waits for the answer: now it wakes up."""
        booked = {row["effect_id"] for row in running.parts.ledger()["effects"]}
        if booked & self.keys or running.passed_s > self.until_s:
            running.killer.wake_all()
            self.until_s = running.passed_s + 8
            self.step = self._settle_down

    def _settle_down(self, running: Running) -> None:
        if running.passed_s > self.until_s:
            self.step = self._begin


def no_look_up() -> Plan:
    """A provider that does it and doesn't say so, but knows its keys."""
    return Plan(SEED, 15, menu=replace(CALM, providers=("unsure",)), load=Load(hot=0))


def keys_ignored() -> Plan:
    """The same, and each repeat is a second effect."""
    return replace(no_look_up(), menu=replace(CALM, providers=("unsure without keys",)))


def enqueue_outside() -> Plan:
    """Web workers die around COMMIT."""
    points = ("before_commit", "after_defer", "after_commit")
    menu = replace(CALM, failpoint=1.0, points=points, actions={"kill": 1.0})
    return Plan(SEED, 15, menu=menu, load=Load(hot=0))


def event_in_on_commit() -> Plan:
    return Plan(SEED, 10, menu=CALM)


def synchronous_commit_off() -> Plan:
    """The whole database dies, again and again."""
    return Plan(SEED, 25, menu=replace(CALM, postmaster=0.25))


def quorum_counts_accounts() -> Plan:
    """Requests for two people, and one of the deciders has two accounts."""
    return Plan(SEED, 20, menu=CALM, load=Load(create=0.2, other=0, kinds=ONLY_TWO))


def hash_not_checked() -> Plan:
    """Somebody with all rights on the database changes amounts between approval and sending."""
    return Plan(
        SEED,
        20,
        menu=CALM,
        load=Load(create=0.3, other=0, kinds={"one": 0.5, "two": 0.5}),
        each_tick=_change_amounts,
    )


GUARD = "ALTER TABLE approvals_approvalrequest {} TRIGGER approvals_request_is_guarded"


def _change_amounts(running: Running) -> None:
    """Past the trigger that guards the content, as a superuser can."""
    if running.clients.is_over.is_set():
        return
    with running.world.connect() as connection, connection.transaction():
        found = connection.execute(
            "SELECT id FROM approvals_approvalrequest WHERE state = 'approved'"
            " AND amount % 2 = 0 AND kind = 'refund' FOR UPDATE SKIP LOCKED"
        ).fetchall()
        if not found:
            return
        connection.execute(GUARD.format("DISABLE"))
        connection.execute(
            "UPDATE approvals_approvalrequest SET amount = amount + 1, payload ="
            " jsonb_set(payload, '{amount}', to_jsonb(amount + 1)) WHERE id = ANY(%s)",
            [[item_id for (item_id,) in found]],
        )
        connection.execute(GUARD.format("ENABLE ALWAYS"))


def sweeper_off() -> Plan:
    """Workers die with a lease in their hands; nobody else would look at those requests."""
    menu = replace(CALM, failpoint=0.5, points=("claim.after", "call.sent"), actions={"kill": 1.0})
    return Plan(SEED, 20, drain_s=45, menu=menu, load=Load(hot=0))


SCENES: dict[str, Callable[[], Plan]] = {
    "no-row-lock": no_row_lock,
    "no-lease-epoch": no_lease_epoch,
    "no-look-up-before-resend": no_look_up,
    "enqueue-outside-transaction": enqueue_outside,
    "event-in-on-commit": event_in_on_commit,
    "synchronous-commit-off": synchronous_commit_off,
    "keys-ignored-without-look-up": keys_ignored,
    "quorum-counts-accounts": quorum_counts_accounts,
    "hash-not-checked": hash_not_checked,
    "sweeper-off": sweeper_off,
}


def plan_of(control: str, *, is_intact: bool) -> Plan:
    return replace(SCENES[control](), control="" if is_intact else control)


def names() -> list[str]:
    return list(SCENES)

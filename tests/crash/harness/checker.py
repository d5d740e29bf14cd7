"""Compare what the clients were told with the database, the events and the simulator's ledger.

Pure: rows in, findings out. It trusts no column that the product derives where the harness knows
better: who is which person, and what was submitted, come from the harness itself.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.crash.harness.history import BROKEN, OK, REFUSED, Command
from tests.crash.harness.snapshot import Books, Row

LOST, DOUBLED, UNEXPLAINED = "lost", "doubled", "unexplained"
UNSETTLED = ("approved", "executing", "retrying", "in_doubt")
WITHOUT_EFFECT = ("pending", "sent_back", "rejected", "withdrawn", "expired")
APPROVING = ("request.submit", "request.approve")
REPLAYED = re.compile(r"^Already recorded: (.*) Nothing was (?:done|sent) twice\.$", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """`kind` is lost, doubled or unexplained; `subject` a reference or a key."""

    kind: str
    subject: str
    sentence: str


@dataclass
class Case:
    """All that is compared. `person_of` maps an account's id to the human behind it."""

    books: Books
    history: Iterable[Command]
    person_of: Mapping[int, str]
    records: dict[tuple[str, str], Row] = field(init=False)
    events_of_key: dict[str, list[Row]] = field(init=False)
    request_of: dict[str, Row] = field(init=False)
    effect_of: dict[int, Row] = field(init=False)
    booked: dict[str, list[Row]] = field(init=False)
    commands_of_key: dict[str, list[Command]] = field(init=False)

    def __post_init__(self) -> None:
        self.history = list(self.history)
        books = self.books
        self.records = {(row["principal"], row["key"]): row for row in books.records}
        self.events_of_key = _grouped(
            (event for event in books.events if event["stream"].startswith("request/")), "key_hash"
        )
        self.request_of = {row["ref"]: row for row in books.requests}
        self.effect_of = {row["item_id"]: row for row in books.effects}
        self.booked = _grouped(books.ledger, "effect_id")
        self.commands_of_key = defaultdict(list)
        for command in self.history:
            self.commands_of_key[command.key].append(command)

    def record_of(self, command: Command) -> Row | None:
        return self.records.get((f"user:{command.account}", command.key))

    def events_of(self, command: Command) -> list[Row]:
        return self.events_of_key.get(hash_of_key(command.key), [])


def examine(case: Case) -> list[Finding]:
    return [finding for check in CHECKS for finding in check(case)]


def hash_of_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


# --- What was said ------------------------------------------------------------------------------


def _what_was_acked_is_there(case: Case) -> Iterator[Finding]:
    """Acked means durable: the record of the command and exactly one event."""
    for command in case.history:
        answer = command.acked
        if answer is None:
            continue
        record, events = case.record_of(command), case.events_of(command)
        subject = command.ref_it_is_about or command.key
        if record is None or record["status"] != 200 or not events:
            yield Finding(LOST, subject, f"“{command.verb}” was confirmed and is not recorded.")
            continue
        if len(events) > 1:
            yield Finding(DOUBLED, subject, f"“{command.verb}” has {len(events)} events.")
        if record["answer"]["ref"] != command.ref_it_is_about:
            yield Finding(UNEXPLAINED, subject, "The answer names another request.")
        if answer.said and _plain(answer.said) != record["answer"]["sentence"]:
            yield Finding(UNEXPLAINED, subject, "The answer is not the one that was recorded.")


def _answers_agree(case: Case) -> Iterator[Finding]:
    """The same command twice has one answer."""
    for command in case.history:
        given = {(a.place, _plain(a.said)) for a in command.answers if a.kind == OK}
        if len(given) > 1:
            yield Finding(UNEXPLAINED, command.key, f"“{command.verb}” had two different answers.")
        kinds = [answer.kind for answer in command.answers if answer.is_definite]
        if OK in kinds and REFUSED in kinds[kinds.index(OK) :]:
            yield Finding(
                UNEXPLAINED,
                command.key,
                f"“{command.verb}” was confirmed, then refused: {_statuses(command)}.",
            )


def _statuses(command: Command) -> str:
    return ", ".join(str(answer.status) for answer in command.answers)


def _a_key_is_one_command(case: Case) -> Iterator[Finding]:
    """The same key with other content is refused."""
    for key, commands in case.commands_of_key.items():
        if len([command for command in commands if command.acked]) > 1:
            yield Finding(UNEXPLAINED, key, "Two different commands were confirmed under one key.")


def _what_was_refused_is_not_there(case: Case) -> Iterator[Finding]:
    """“Nothing was recorded” is true, unless an earlier sending of it got no answer."""
    for command in case.history:
        if command.acked or command.had_unknown or command.definite is None:
            continue
        if len(case.commands_of_key[command.key]) > 1:
            continue
        record = case.record_of(command)
        if case.events_of(command) or (record and record["status"] == 200):
            yield Finding(
                UNEXPLAINED, command.key, f"“{command.verb}” was refused and is recorded."
            )


def _no_answer_was_broken(case: Case) -> Iterator[Finding]:
    """Whatever died, a page says what is known: 500 is not among its answers."""
    for command in case.history:
        for answer in command.answers:
            if answer.kind == BROKEN:
                yield Finding(
                    UNEXPLAINED, command.key, f"“{command.verb}” was answered {answer.status}."
                )


def _each_record_is_whole(case: Case) -> Iterator[Finding]:
    """A key that is taken has its answer; a success has one event, a refusal none."""
    for (_, key), record in case.records.items():
        events = case.events_of_key.get(hash_of_key(key), [])
        expected = 1 if record["status"] == 200 else 0
        if record["status"] == 0 or len(events) != expected:
            yield Finding(
                UNEXPLAINED,
                key,
                f"A record with status {record['status']} has {len(events)} events.",
            )


def _each_event_has_its_command(case: Case) -> Iterator[Finding]:
    """Nothing was done in anybody's name that nobody asked for."""
    asked = {(hash_of_key(command.key), str(command.account)) for command in case.history}
    for event in case.books.events:
        if not event["stream"].startswith("request/") or event["actor_type"] != "person":
            continue
        if (event["key_hash"], event["actor_id"]) not in asked:
            yield Finding(UNEXPLAINED, event["stream"], f"Nobody asked for {event['action']}.")


# --- What was done ------------------------------------------------------------------------------


def _effects_happen_at_most_once(case: Case) -> Iterator[Finding]:
    """An effect that failed later, as the provider says, has not happened."""
    for effect_id, rows in case.booked.items():
        standing = [row for row in rows if row["status"] != "failed"]
        for _ in standing[1:]:
            yield Finding(DOUBLED, effect_id or "?", f"The provider did it {len(standing)} times.")


def _effects_belong_to_requests(case: Case) -> Iterator[Finding]:
    known = {effect["key"] for effect in case.books.effects}
    for effect_id in case.booked:
        if effect_id not in known:
            yield Finding(UNEXPLAINED, str(effect_id), "The provider did it and we know nothing.")


def _states_agree_with_the_ledger(case: Case) -> Iterator[Finding]:
    for item in case.books.requests:
        effect = case.effect_of.get(item["id"])
        rows = case.booked.get(effect["key"], []) if effect else []
        standing = [row for row in rows if row["status"] != "failed"]
        if item["state"] == "done" and not rows:
            yield Finding(LOST, item["ref"], "It is done and the provider knows nothing of it.")
        if item["state"] in WITHOUT_EFFECT and standing:
            yield Finding(UNEXPLAINED, item["ref"], f"It is {item['state']} and was carried out.")
        if item["state"] == "needs_person" and standing and effect["sent_at"] is None:
            yield Finding(UNEXPLAINED, item["ref"], "It says that nothing was sent; it was done.")
        if item["state"] == "done" and effect["provider_reference"] not in {
            row["reference"] for row in rows
        }:
            yield Finding(UNEXPLAINED, item["ref"], "Its reference is not in the ledger.")


def _nothing_is_forgotten(case: Case) -> Iterator[Finding]:
    """After the drain, whatever was approved has ended, or an operator holds it."""
    for item in case.books.requests:
        is_held = item["held_at"] is not None and item["state"] in ("approved", "retrying")
        if item["state"] in UNSETTLED and not is_held:
            yield Finding(LOST, item["ref"], f"It is still {item['state']} after the drain.")


def _what_was_done_is_what_was_asked(case: Case) -> Iterator[Finding]:
    """Amount, currency and target in the ledger are those of the newest form that was confirmed."""
    wanted = {}
    for command in case.history:
        if command.verb in ("submit", "resubmit") and (ref := command.ref_it_is_about):
            wanted.setdefault(ref, []).append(command)
    for item in case.books.requests:
        effect = case.effect_of.get(item["id"])
        if effect is None or item["ref"] not in wanted:
            continue
        forms = [
            (command.form, command.acked is not None)
            for command in wanted[item["ref"]]
            if command.acked or case.events_of(command)
        ]
        for row in case.booked.get(effect["key"], []):
            if not any(_is_what_was_asked(row, form) for form, _ in forms):
                yield Finding(UNEXPLAINED, item["ref"], "What was done is not what was asked for.")


def _is_what_was_asked(row: Row, form: Mapping[str, str]) -> bool:
    if row["kind"] == "refund":
        minor = int(form["amount"].replace(",", "").replace(".", ""))
        return (row["amount"], (row["currency"] or "").upper(), row["target"]) == (
            minor,
            form["currency"],
            form["payment"],
        )
    body = row["body"]
    return (row["target"], body.get("change"), body.get("to", "")) == (
        form["account"],
        form["change"],
        form.get("to", ""),
    )


def _effects_were_approved(case: Case) -> Iterator[Finding]:
    """By as many different humans as each step asks for, none of whom asked for it."""
    decisions = _grouped(case.books.decisions, "item_id")
    steps = _grouped(case.books.steps, "item_id")
    for item in case.books.requests:
        effect = case.effect_of.get(item["id"])
        if effect is None or not case.booked.get(effect["key"]):
            continue
        approvals = [
            row
            for row in decisions.get(item["id"], [])
            if row["choice"] == "approve"
            and row["revision"] == effect["revision"]
            and row["voided_at"] is None
            and row["content_hash"] == effect["content_hash"]
        ]
        asker = case.person_of[item["requested_by_id"]]
        for step in steps.get(item["id"], []):
            if step["revision"] != effect["revision"]:
                continue
            people = {
                case.person_of[row["decided_by_id"]]
                for row in approvals
                if row["step"] == step["number"]
            }
            if asker in people:
                yield Finding(UNEXPLAINED, item["ref"], "Who asked for it has approved it.")
            if len(people - {asker}) < step["quorum"]:
                yield Finding(
                    UNEXPLAINED,
                    item["ref"],
                    f"It was done with {len(people)} of {step['quorum']} people.",
                )


# --- How it was done ----------------------------------------------------------------------------


def _asked_before_sending_again(case: Case) -> Iterator[Finding]:
    """Between two tries stands a refusal, or a question that the provider really was asked."""
    attempts = _grouped(case.books.attempts, "effect_id")
    request_by_id = {item["id"]: item for item in case.books.requests}
    questions = _grouped(
        ((call["path"], call) for call in case.books.calls if call["method"] == "GET"), 0
    )
    for effect in case.books.effects:
        tries = attempts.get(effect["id"], [])
        proven = True
        for attempt in tries:
            if attempt["purpose"] == "send":
                if not proven:
                    yield Finding(UNEXPLAINED, effect["key"], "Sent again without a question.")
                proven = attempt["outcome"] == "refused"
            elif attempt["outcome"] in ("absent", "refused for good"):
                proven = True
        absent = [a for a in tries if a["purpose"] == "look_up" and a["outcome"] == "absent"]
        if absent:
            first = min(attempt["started_at"] for attempt in absent)
            path = _question(request_by_id[effect["item_id"]], effect)
            asked = [c for _, c in questions.get(path, []) if _moment(c["received_at"]) >= first]
            if len(asked) < len(absent):
                yield Finding(
                    UNEXPLAINED,
                    effect["key"],
                    f"{len(absent)} questions noted, the provider heard {len(asked)}.",
                )


def _question(item: Row, effect: Row) -> str:
    """The address at which the provider is asked about this effect."""
    payload = item["payload"]
    if item["kind"] == "refund":
        return f"/v1/refunds?payment_intent={payload['payment']}&limit=100"
    return f"/accounts/{payload['account']}/changes/{effect['key']}"


def _moment(text: str) -> datetime:
    """To the millisecond, rounded down by the simulator: never later than it was."""
    return datetime.fromisoformat(text.replace("Z", ".001+00:00" if "." not in text else "+00:00"))


def _jobs_live_and_die_with_their_command(case: Case) -> Iterator[Finding]:
    """Each approval asks for a job in its own transaction, and no job comes from anywhere else."""
    item_ids = {row["stream"]: row["id"] for row in case.books.requests}
    jobs = {(row["xid"], row["item_id"]) for row in case.books.outbox}
    moved = {event["xid"] for event in case.books.events}
    for event in case.books.events:
        if event["action"] not in APPROVING or event["state"] != "approved":
            continue
        if (event["xid"], item_ids.get(event["stream"])) not in jobs:
            yield Finding(
                LOST, event["stream"], "It was approved and the job is not of its transaction."
            )
    known = set(item_ids.values())
    for row in case.books.outbox:
        if row["item_id"] not in known:
            yield Finding(UNEXPLAINED, f"job for {row['item_id']}", "A job for no request.")
        elif not (row["is_swept"] or row["xid"] in moved or _is_a_worker_s(case, row)):
            yield Finding(
                UNEXPLAINED, f"job for {row['item_id']}", "A job whose command is not there."
            )


def _is_a_worker_s(case: Case, row: Row) -> bool:
    """A worker that asks again writes no event, only when to ask: its request was sent before."""
    effect = case.effect_of.get(row["item_id"])
    return effect is not None and effect["first_sent_at"] is not None


def _events_are_the_state(case: Case) -> Iterator[Finding]:
    """As many events as versions, without a gap, and the last one tells the state."""
    events = _grouped(case.books.events, "stream")
    for item in case.books.requests:
        told = events.get(item["stream"], [])
        if [event["seq"] for event in told] != list(range(1, item["version"] + 1)):
            yield Finding(UNEXPLAINED, item["ref"], "Its events are not its versions.")
        elif told and told[-1]["state"] != item["state"]:
            yield Finding(UNEXPLAINED, item["ref"], "Its last event tells another state.")


CHECKS: list[Callable[[Case], Iterator[Finding]]] = [
    _what_was_acked_is_there,
    _answers_agree,
    _a_key_is_one_command,
    _what_was_refused_is_not_there,
    _no_answer_was_broken,
    _each_record_is_whole,
    _each_event_has_its_command,
    _effects_happen_at_most_once,
    _effects_belong_to_requests,
    _states_agree_with_the_ledger,
    _nothing_is_forgotten,
    _what_was_done_is_what_was_asked,
    _effects_were_approved,
    _asked_before_sending_again,
    _jobs_live_and_die_with_their_command,
    _events_are_the_state,
]


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    found = Counter(finding.kind for finding in findings)
    return {kind: found[kind] for kind in (LOST, DOUBLED, UNEXPLAINED)}


def _plain(said: str) -> str:
    """The sentence without the words that a replay puts around it."""
    found = REPLAYED.match(said)
    return found[1] if found else said


def _grouped(rows: Iterable[Any], by: Any) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[by]].append(row)
    return dict(found)

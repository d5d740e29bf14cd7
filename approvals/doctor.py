"""Do the invariants hold on the data? Each check names every row that breaks one.

Reads only. It replays the events: what they tell must be what stands in the tables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Q

from approvals import archiving
from approvals.content import hash_of
from approvals.models import ApprovalRequest, Attempt, Choice, Decision, Effect, State
from approvals.proof import are_the_policys
from audit import months
from audit.models import Event, Outcome
from audit.verify import verify


@dataclass(frozen=True)
class Violation:
    """`invariant` as numbered in docs/architecture.md."""

    invariant: str
    subject: str
    sentence: str


def examine() -> list[Violation]:
    """Every violation found, by all checks."""
    return [violation for check in CHECKS for violation in check()]


def _effects_at_most_once() -> Iterator[Violation]:
    """I1: one effect a request, one success an effect, and what is done was confirmed."""
    for item in (
        ApprovalRequest.objects.filter(state=State.DONE).select_related("effect").iterator()
    ):
        effect = getattr(item, "effect", None)
        if effect is None or effect.settled_at is None:
            yield Violation("I1", item.ref, "It is done, and no effect was settled.")
    for effect in Effect.objects.exclude(settled_at=None).select_related("item").iterator():
        if effect.item.state != State.DONE and effect.undone_at is None:
            yield Violation("I1", effect.item.ref, "Its effect is settled and it is not done.")
    references = Count("tries__provider_reference", filter=Q(tries__outcome="done"), distinct=True)
    found = Effect.objects.annotate(references=references).select_related("item")
    for effect in found.filter(references__gt=1):
        yield Violation(
            "I1", effect.item.ref, f"It was confirmed as {effect.references} different effects."
        )
    done = Attempt.objects.filter(outcome="done", effect__item__state=State.WITHDRAWN)
    for attempt in done.filter(effect__undone_at=None).select_related("effect__item"):
        yield Violation("I1", attempt.effect.item.ref, "It is withdrawn, and its effect stands.")


def _feed_goes_on() -> Iterator[Violation]:
    """Whoever follows the feed is told of what happens: no event is of a transaction to come.

    After a dump was restored into another cluster, whose transactions are counted anew, they are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(xid)::text FROM audit_event"
            " WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
            " AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()"
        )
        newest = cursor.fetchone()[0]
    if newest is not None:
        yield Violation(
            "feed",
            f"transaction {newest}",
            "The feed and webhooks stand still until the server has counted that far. "
            "See docs/operations.md, “After a restore”.",
        )


def _months_have_their_parts() -> Iterator[Violation]:
    """What grows for ever can be archived month by month."""
    for table in archiving.KEY_OF:
        if months.in_default(table):
            sentence = (
                "It holds rows of months without a part of their own. See docs/how-to/archive.md."
            )
            yield Violation("months", f"{table}_default", sentence)


def _approved_is_on_its_way() -> Iterator[Violation]:
    """I1: nothing that is approved is forgotten."""
    for item in ApprovalRequest.objects.filter(
        state__in=[State.APPROVED, State.RETRYING, State.IN_DOUBT, State.EXECUTING]
    ).select_related("effect"):
        effect = getattr(item, "effect", None)
        due = {
            State.APPROVED: item.starts_at,
            State.RETRYING: effect and effect.next_attempt_at,
            State.IN_DOUBT: effect and (effect.next_question_at or effect.lease_until),
            State.EXECUTING: effect and effect.lease_until,
        }[State(item.state)]
        if effect is None or due is None:
            yield Violation("I1", item.ref, f"It is {item.state} and nothing will wake it up.")


def _nothing_sent_without_approval() -> Iterator[Violation]:
    """I2: what was sent is what was approved, by enough people."""
    sent = (
        Effect.objects.exclude(first_sent_at=None)
        .select_related("item__policy_version")
        .prefetch_related("item__all_steps__team", "item__decisions")
    )
    for effect in sent.iterator(chunk_size=1000):
        item = effect.item
        if effect.revision != item.revision or effect.content_hash != item.content_hash:
            yield Violation("I2", item.ref, "What was sent is not the revision that was approved.")
        if hash_of(item) != item.content_hash:
            yield Violation("I2", item.ref, "Its content does not match its hash.")
        if not are_the_policys(item, item.steps):
            yield Violation("I2", item.ref, "Its steps are not those of its policy.")
        for step in item.steps:
            people = {
                d.person_key
                for d in item.decisions_for_revision
                if d.step == step.number
                and d.choice == Choice.APPROVE
                and d.content_hash == item.content_hash
            }
            if len(people) < step.quorum:
                yield Violation("I2", item.ref, f"Step {step.number} lacks approvals.")


def _one_event_a_change() -> Iterator[Violation]:
    """I3: as many events as versions, and the last one tells the state that stands there.

    That the first ones, or all, are in an archive is left to `verify_audit`, which proves it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.ref, r.version, r.state, count(e.id), max(e.seq),"
            " (array_agg(e.facts->>'state' ORDER BY e.seq DESC))[1]"
            " FROM approvals_approvalrequest r LEFT JOIN audit_event e ON e.stream = r.stream"
            " GROUP BY r.id HAVING (count(e.id) + coalesce(min(e.seq), 1) - 1 <> r.version"
            " OR max(e.seq) <> r.version"
            " OR (array_agg(e.facts->>'state' ORDER BY e.seq DESC))[1] <> r.state)"
            " AND NOT (count(e.id) = 0 AND EXISTS (SELECT FROM audit_archive WHERE root <> ''))"
        )
        for ref, version, state, events, _, told in cursor.fetchall():
            yield Violation(
                "I3", ref, f"Version {version} and state {state}, but {events} events tell {told}."
            )


def _only_legal_moves() -> Iterator[Violation]:
    """I3: the events of a request, replayed, follow the table of transitions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stream, seq, before, after FROM (SELECT stream, seq, facts->>'state' AS after,"
            " CASE seq WHEN 1 THEN 'new' ELSE"
            " lag(facts->>'state') OVER (PARTITION BY stream ORDER BY seq) END AS before"
            " FROM audit_event WHERE stream LIKE 'request/%%') moves WHERE before <> after"
            " AND NOT EXISTS (SELECT FROM approvals_transition t"
            " WHERE t.source = before AND t.target = after)",
            [],
        )
        for stream, seq, before, after in cursor.fetchall():
            yield Violation("I3", stream, f"Event {seq} moves it from {before} to {after}.")


def _nobody_decides_their_own() -> Iterator[Violation]:
    """I4: no decision by the requester or a contributor, no person twice on a step."""
    items = ApprovalRequest.objects.prefetch_related("decisions")
    for item in items.iterator(chunk_size=1000):
        barred = {str(item.requester_key), *item.contributor_keys}
        for decision in item.every_decision:
            if str(decision.person_key) in barred:
                yield Violation("I4", item.ref, f"Decision {decision.pk} is by who asked for it.")
    twice = (
        Decision.objects.filter(voided_at=None)
        .values("item__ref", "revision", "step", "person_key")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    for found in twice:
        yield Violation("I4", found["item__ref"], f"A person counts twice on step {found['step']}.")


def _refusals_are_nobodys_version() -> Iterator[Violation]:
    """I3: a refused attempt stands in the stream of the person who tried."""
    denied = Event.objects.filter(stream__startswith="request/", outcome=Outcome.DENIED)
    for event in denied.exclude(actor_type="worker"):
        yield Violation("I3", event.stream, f"Event {event.seq} is a refusal.")


def _open_requests_name_what_they_wait_for() -> Iterator[Violation]:
    """I8."""
    for item in ApprovalRequest.objects.filter(state=State.PENDING, waiting_team=None):
        yield Violation("I8", item.ref, "It is pending and waits for no team.")


def _chain_is_intact() -> Iterator[Violation]:
    """I3: no event was changed."""
    for broken in verify().breaks:
        yield Violation("I3", broken.stream, f"Event {broken.seq}: {broken.sentence}")


CHECKS: list[Callable[[], Iterator[Violation]]] = [
    _effects_at_most_once,
    _approved_is_on_its_way,
    _nothing_sent_without_approval,
    _feed_goes_on,
    _one_event_a_change,
    _only_legal_moves,
    _nobody_decides_their_own,
    _refusals_are_nobodys_version,
    _open_requests_name_what_they_wait_for,
    _chain_is_intact,
    _months_have_their_parts,
]

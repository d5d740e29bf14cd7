"""The one rule: who may do what with a request, and who may see it.

Asked by the transition, the command, the page that shows a button or a sentence, and the 403.
Knows no tables: `item` is anything with the fields of a request. Each verb is a few lines that
read as a sentence.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from uuid import UUID

from django.db.models import F, Q

from accounts import holding
from accounts.access import Access, Covered
from accounts.kept_queries import Slot, is_among
from accounts.verdicts import ALLOWED, Verdict, denied
from approvals.wording import clock, money

SEEING = ("view_queue", "operate_request", "decide_request", "audit_queue")
SEEING_AT_ALL = (*SEEING, "answer_request")


class Decided(Protocol):
    step: int
    person_key: UUID
    voice: UUID
    choice: str


class Stage(Protocol):
    """The fields of a step that rules look at."""

    number: int
    person_present: bool

    @property
    def team_ids(self) -> list[int]: ...


class Item(Protocol):
    """The fields of a request that rules look at. Decisions are those that are not void."""

    ref: str
    queue_id: int
    state: str
    amount: int | None
    currency: str
    requester_key: UUID
    contributor_keys: list[str]
    open_steps: Iterable[Stage]
    glass_by_id: int | None
    glass_key: UUID | None
    look_due: bool
    distinct_people: bool
    owner_id: int | None
    held_at: Any
    decisions_for_revision: Iterable[Decided]
    last_approval: Any
    open_settlement: Any


CLOSED = denied("inactive", "Your account is closed.")


def not_held(by: Access) -> Verdict:
    """Whoever's sign-in was renewed for them decides nothing for a day (`accounts.holding`)."""
    if by.held_until is None:
        return ALLOWED
    until = clock(by.held_until, by.held_until - holding.LENGTH)
    return denied(
        "sign-in-renewed",
        "Your password or second factor was reset within the last 24 hours. You can decide again "
        f"from {until}.",
    )


def may(verb: str, item: Any, by: Access) -> Verdict:
    """May `by` do `verb` with `item`? For "submit", `item` is the queue; for a
    verb on a system, the system.

    Says nothing of the state that the request is in: that is the transitions' table.
    """
    if not by.is_active:
        return CLOSED
    return RULES[verb](item, by)


def visible_to(by: Access) -> Q:
    """The same as `may("view", …)`, as a condition for a query on requests."""
    if not by.is_active:
        return Q(pk__in=())
    return seen_from(by.queues_with(*SEEING_AT_ALL), by.person_key)


def seen_from(queues: list[int] | Slot, key: UUID | Slot) -> Q:
    """Requests of these queues, and those that this person asked for."""
    return Q(is_among(F("queue"), queues)) | Q(requester_key=key)


def _view(item: Item, by: Access) -> Verdict:
    if _is_requester(item, by) or by.queues.get(item.queue_id, frozenset()) & {*SEEING_AT_ALL}:
        return ALLOWED
    return denied("not-visible", f"There is no request {item.ref} that you can see.")


def _inspect(item: Item, by: Access) -> Verdict:
    if by.queues.get(item.queue_id, frozenset()) & {*SEEING}:
        return ALLOWED
    return denied("support-view", "Calls to the provider are shown to operations and finance.")


def _submit(queue: Any, by: Access) -> Verdict:
    if by.holds("submit_request", queue.pk):
        return ALLOWED
    return denied("no-grant", f"You cannot ask for anything in {queue.name}.")


def counts_for(
    item: Item, by: Access, teams: Iterable[int], *, covered: Access | None = None
) -> bool:
    """Whether an approval that `by` gave for a step of these teams still counts (I4).

    `covered` is the person in whose place it was given: both must still be people who may.
    """
    seat = covered or by
    return all(
        person.is_active
        and not person.is_service
        and not _had_a_hand_in(item, person.person_key)
        and person.holds("decide_request", item.queue_id)
        for person in (by, seat)
    ) and _has_a_seat(item, seat, teams)


def step_for(item: Item, by: Access) -> Stage | None:
    """The first open step that `by` may decide."""
    return next((step for step in item.open_steps if may_decide(item, step, by)), None)


def may_decide(item: Item, step: Stage, by: Access) -> Verdict:
    """May `by` decide just this open step?"""
    refusal = _as_a_person(item, by)
    return _on_step(item, step, by) if refusal is None else refusal


def covered_by(item: Item, by: Access, step: Stage | None = None) -> Covered | None:
    """In whose place `by` would decide the step, when they can't in their own.

    `step`: by default the first that they may decide.
    """
    step = step or step_for(item, by)
    if step is None or _is_free(item, step, by):
        return None
    return next((one for one in by.covers if _can_be_covered(item, step, one)), None)


def voices(item: Item, step: Stage, by: Access) -> list[UUID]:
    """In whose place they could decide this step, open or not: their own, or of somebody they cover."""
    if _as_a_person(item, by) is not None:
        return []
    if _is_free(item, step, by):
        return [by.person_key]
    return [one.person_key for one in by.covers if _can_be_covered(item, step, one)]


def _is_free(item: Item, step: Stage, person: Access | Covered) -> bool:
    """Their seat in a team is there, large enough, and nobody has spoken from it."""
    return _has_a_seat(item, person, step.team_ids) and all(
        decision.voice != person.person_key for decision in _heard(item, step)
    )


def _heard(item: Item, step: Stage) -> list[Decided]:
    """The decisions after which nobody of them is heard again: of the step, or of all of them."""
    return [
        decision
        for decision in item.decisions_for_revision
        if item.distinct_people or decision.step == step.number
    ]


def _can_be_covered(item: Item, step: Stage, person: Covered) -> bool:
    return (
        item.queue_id in person.queues
        and not _had_a_hand_in(item, person.person_key)
        and _is_free(item, step, person)
    )


def _has_a_seat(item: Item, person: Access | Covered, teams: Iterable[int]) -> bool:
    seats = [person.teams[team] for team in teams if team in person.teams]
    return any(_is_within_limit(item, member) for member in seats)


def _had_a_hand_in(item: Item, person_key: UUID) -> bool:
    """They asked for it, or wrote any of its revisions."""
    return item.requester_key == person_key or str(person_key) in item.contributor_keys


def _decide(item: Item, by: Access) -> Verdict:
    refusal = _as_a_person(item, by)
    if refusal is not None:
        return refusal
    steps = list(item.open_steps)
    verdicts = [_on_step(item, step, by) for step in steps]
    if not steps or any(verdicts):
        return ALLOWED
    nearer = [verdict for verdict in verdicts if verdict.code != "not-in-team"]
    return (nearer or verdicts)[0]


def _as_a_person(item: Item, by: Access) -> Verdict | None:
    """Why they may decide no step of it at all, or None."""
    if not by.is_active:
        return CLOSED
    if by.is_service:
        return denied("not-a-person", "A program cannot decide; a person must.")
    if _is_requester(item, by):
        return denied(
            "requester",
            f"You created {item.ref}, and the policy needs someone else to decide.",
        )
    if str(by.person_key) in item.contributor_keys:
        return denied(
            "contributor",
            f"You changed {item.ref}, and the policy needs someone else to decide.",
        )
    if not by.holds("decide_request", item.queue_id) and not _broke_glass(item, by):
        return denied("no-grant", f"You cannot decide {item.ref}: this queue is not yours.")
    verdict = not_held(by)
    return None if verdict else verdict


def _on_step(item: Item, step: Stage, by: Access) -> Verdict:
    mine = [d for d in _heard(item, step) if d.person_key == by.person_key]
    if any(decision.step == step.number for decision in mine):
        return denied(
            "already-decided",
            f"You have decided this step of {item.ref}; it needs someone else.",
        )
    if mine:
        return denied(
            "decided-another-step",
            f"You have decided another step of {item.ref}, and each needs someone else.",
        )
    if by.auth_method == "token" and (step.person_present or needs_glass(item, step, by)):
        return denied(
            "person-present",
            f"The policy wants a person present for {item.ref}: decide it in the browser.",
        )
    if _broke_glass(item, by) or _has_a_way(item, step, by):
        return ALLOWED
    return _why_not_from_own_seat(item, step, by)


def _has_a_way(item: Item, step: Stage, by: Access) -> bool:
    """From a seat of their own, or of somebody whom they cover."""
    return by.holds("decide_request", item.queue_id) and (
        _is_free(item, step, by) or any(_can_be_covered(item, step, one) for one in by.covers)
    )


def needs_glass(item: Item, step: Stage, by: Access) -> bool:
    """They could decide this step only because they broke the glass."""
    return _broke_glass(item, by) and not _has_a_way(item, step, by)


def counts_by_glass(item: Item, by: Access) -> bool:
    """Whether an approval that `by` gave in an emergency still counts (I4)."""
    return (
        by.is_active
        and not by.is_service
        and not _had_a_hand_in(item, by.person_key)
        and by.holds("break_glass", item.queue_id)
    )


def _broke_glass(item: Item, by: Access) -> bool:
    return item.glass_by_id == by.user_id and by.holds("break_glass", item.queue_id)


def _why_not_from_own_seat(item: Item, step: Stage, by: Access) -> Verdict:
    seats = [by.teams[team] for team in step.team_ids if team in by.teams]
    if not seats:
        return denied("not-in-team", f"You cannot decide {item.ref}: it waits for another team.")
    if any(decision.voice == by.person_key for decision in _heard(item, step)):
        return denied(
            "decided-for-you",
            f"This step of {item.ref} was decided in your place; it needs someone else.",
        )
    widest = max(seats, key=lambda member: member.limit_amount or 0)
    limit = money(widest.limit_amount, widest.limit_currency)
    return denied("over-limit", f"You can decide up to {limit}; {item.ref} is above that.")


def _break_glass(item: Item, by: Access) -> Verdict:
    """Never who asked or wrote any of it, and never a program or a token."""
    if by.is_service or by.auth_method == "token":
        return denied("not-a-person", "Only a person in the browser can break the glass.")
    if _had_a_hand_in(item, by.person_key):
        return denied("requester", f"You had a hand in {item.ref}; somebody else must decide it.")
    if not by.holds("break_glass", item.queue_id):
        return denied("no-grant", f"You may not break the glass for {item.ref}.")
    return not_held(by)


def _move_policy(item: Item, by: Access) -> Verdict:
    """Who asked for it, or wrote any of it, does not choose its rules."""
    if by.is_service or by.auth_method == "token":
        return denied("not-a-person", "Only a person in the browser moves requests.")
    if _had_a_hand_in(item, by.person_key):
        return denied("requester", f"You had a hand in {item.ref}; somebody else must move it.")
    if by.holds("manage_policy", item.queue_id):
        return not_held(by)
    return denied("no-grant", f"Only who manages the policy can move {item.ref}.")


def _second_look(item: Item, by: Access) -> Verdict:
    if by.is_service:
        return denied("not-a-person", "A program cannot look at it; a person must.")
    if not item.look_due:
        return denied(
            "no-look-due", f"Nobody broke the glass for {item.ref} that is not looked at."
        )
    if item.glass_key == by.person_key:
        return denied("own-glass", "You broke the glass yourself; somebody else looks at it.")
    if _had_a_hand_in(item, by.person_key):
        return denied("requester", f"You had a hand in {item.ref}; somebody else looks at it.")
    if by.queues.get(item.queue_id, frozenset()) & {"audit_queue", "operate_request"}:
        return ALLOWED
    return denied("no-grant", "Only operations and auditors take the second look.")


def _cover(person: Any, by: Access) -> Verdict:
    """`person` is the user who is to be covered. People set their own; leads set their team's."""
    if not (verdict := not_held(by)):
        return verdict
    if person.pk == by.user_id:
        return ALLOWED
    led = {team_id for team_id, member in by.teams.items() if member.is_lead}
    if led & {membership.group_id for membership in person.memberships.all()}:
        return ALLOWED
    return denied("not-lead", f"Only {person.name} or a lead of their team can set this.")


def _resubmit(item: Item, by: Access) -> Verdict:
    if _is_requester(item, by):
        return ALLOWED
    return denied("not-requester", f"Only the person who asked for {item.ref} can change it.")


def _withdraw(item: Item, by: Access) -> Verdict:
    if _is_requester(item, by) or by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied(
        "not-requester",
        f"Only the person who asked for {item.ref} or operations can withdraw it.",
    )


def _take_back(item: Item, by: Access) -> Verdict:
    last = item.last_approval
    if last is not None and last.person_key == by.person_key:
        return ALLOWED
    return denied(
        "not-last-approver",
        f"Only the person who gave the last approval of {item.ref} can.",
    )


def _claim(item: Item, by: Access) -> Verdict:
    if not by.holds("operate_request", item.queue_id):
        return denied("no-grant", f"Only operations can claim {item.ref}.")
    if item.owner_id == by.user_id:
        return denied("already-yours", f"{item.ref} is already yours.")
    return ALLOWED


def _assign(item: Item, by: Access) -> Verdict:
    if by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied("no-grant", f"Only operations can give {item.ref} to somebody.")


def _own(item: Item, by: Access) -> Verdict:
    """May they be its owner? Asked of the person whom it is given to."""
    if by.holds("operate_request", item.queue_id) and not by.is_service:
        return ALLOWED
    return denied("no-grant", f"{by.name} does not operate this queue, so cannot own {item.ref}.")


def _remind(item: Item, by: Access) -> Verdict:
    if _is_requester(item, by) or by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied(
        "no-grant", f"Only operations or the person who asked can send a reminder of {item.ref}."
    )


def _release(item: Item, by: Access) -> Verdict:
    if item.owner_id is None:
        return denied("nobodys", f"Nobody has claimed {item.ref}.")
    if item.owner_id == by.user_id or by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied("not-owner", f"Only the owner of {item.ref} or operations can release it.")


def _hold(item: Item, by: Access) -> Verdict:
    if not by.holds("operate_request", item.queue_id):
        return denied("no-grant", f"Only operations can hold {item.ref}.")
    if item.held_at is not None:
        return denied("already-held", f"{item.ref} is held already.")
    return ALLOWED


def _resume(item: Item, by: Access) -> Verdict:
    if not by.holds("operate_request", item.queue_id):
        return denied("no-grant", f"Only operations can resume {item.ref}.")
    if item.held_at is None:
        return denied("not-held", f"{item.ref} is not held.")
    return ALLOWED


def _try_again(item: Item, by: Access) -> Verdict:
    if not by.holds("operate_request", item.queue_id):
        return denied("no-grant", f"Only operations can have {item.ref} tried again.")
    if item.held_at is not None:
        return denied("held", f"{item.ref} is held. Resume it first.")
    return ALLOWED


def _ask_provider(item: Item, by: Access) -> Verdict:
    if by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied("no-grant", f"Only operations can ask the provider about {item.ref}.")


def _operate_system(system: Any, by: Access) -> Verdict:
    if by.queues_with("operate_request"):
        return ALLOWED
    return denied("no-grant", f"Only operations can hold or resume {system.name}.")


def _simulate(policy: Any, by: Access) -> Verdict:
    if any(by.holds("manage_policy", queue.pk) for queue in policy.queues.all()):
        return ALLOWED
    return denied("no-grant", f"Only who manages the policy {policy.name} can try other rules.")


def _write_policy(policy: Any, by: Access) -> Verdict:
    if by.is_service or by.auth_method == "token":
        return denied("not-a-person", "Only a person in the browser changes policies.")
    if any(by.holds("manage_policy", queue.pk) for queue in policy.queues.all()):
        return ALLOWED
    return denied("no-grant", f"Only who manages the policy {policy.name} can change it.")


def _settle(item: Item, by: Access) -> Verdict:
    if by.is_service:
        return denied("not-a-person", "A program cannot settle a request; a person must.")
    if by.holds("operate_request", item.queue_id):
        return ALLOWED
    return denied("no-grant", f"Only operations can settle {item.ref}.")


def _confirm_settlement(item: Item, by: Access) -> Verdict:
    if by.is_service:
        return denied("not-a-person", "A program cannot settle a request; a person must.")
    finding = item.open_settlement
    if finding is not None and finding.person_key == by.person_key:
        return denied("own-finding", "It is your own finding; a second person must confirm it.")
    if _is_requester(item, by):
        return denied("requester", f"You created {item.ref}; somebody else must confirm it.")
    if by.holds("operate_request", item.queue_id) or by.holds("decide_request", item.queue_id):
        return ALLOWED
    return denied(
        "no-grant", f"Only operations or an approver can confirm what was found on {item.ref}."
    )


def _note(item: Item, by: Access) -> Verdict:
    return _view(item, by)


def _copy_reply(item: Item, by: Access) -> Verdict:
    """Whoever may see the answer."""
    return _view(item, by)


def _is_requester(item: Item, by: Access) -> bool:
    return item.requester_key == by.person_key


def _is_within_limit(item: Item, member: Any) -> bool:
    if member.limit_amount is None or item.amount is None:
        return True
    return member.limit_currency == item.currency and item.amount <= member.limit_amount


RULES: dict[str, Callable[[Any, Access], Verdict]] = {
    "view": _view,
    "inspect": _inspect,
    "submit": _submit,
    "cover": _cover,
    "approve": _decide,
    "reject": _decide,
    "send_back": _decide,
    "resubmit": _resubmit,
    "withdraw": _withdraw,
    "take_back": _take_back,
    "break_glass": _break_glass,
    "second_look": _second_look,
    "move_policy": _move_policy,
    "claim": _claim,
    "release": _release,
    "assign": _assign,
    "own": _own,
    "remind": _remind,
    "hold": _hold,
    "resume": _resume,
    "try_again": _try_again,
    "ask_provider": _ask_provider,
    "hold_system": _operate_system,
    "resume_system": _operate_system,
    "simulate": _simulate,
    "write_policy": _write_policy,
    "publish_policy": _write_policy,
    "settle": _settle,
    "confirm_settlement": _confirm_settlement,
    "note": _note,
    "copy_reply": _copy_reply,
}


def permits(verb: str) -> Callable[[Item, Access], bool]:
    """The rule in the shape that a django-fsm transition takes as its `permission`."""

    def permission(item: Item, by: Access) -> bool:
        return bool(may(verb, item, by))

    return permission

"""The one rule: who may do what with a request, and who may see it.

Asked by the transition, the command, the page that shows a button or a sentence, and the 403.
Knows no tables: `item` is anything with the fields of a request. Each verb is a few lines that
read as a sentence.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q

from accounts.access import Access, Covered
from accounts.verdicts import ALLOWED, Verdict, denied
from approvals.wording import money

SEEING = ("view_queue", "operate_request", "decide_request", "audit_queue")
SEEING_AT_ALL = (*SEEING, "answer_request")


class Decided(Protocol):
    person_key: UUID
    voice: UUID
    choice: str


class Item(Protocol):
    """The fields of a request that rules look at. `decisions_now`: on the open step, not void."""

    ref: str
    queue_id: int
    state: str
    amount: int | None
    currency: str
    requester_key: UUID
    contributor_keys: list[str]
    waiting_team_id: int | None
    owner_id: int | None
    held_at: Any
    needs_person_present: bool
    decisions_now: Iterable[Decided]
    last_approval: Any
    open_settlement: Any


def may(verb: str, item: Any, by: Access) -> Verdict:
    """May `by` do `verb` with `item`? For "submit", `item` is the queue; for a
    verb on a system, the system.

    Says nothing of the state that the request is in: that is the transitions' table.
    """
    if not by.is_active:
        return denied("inactive", "Your account is closed.")
    return RULES[verb](item, by)


def visible_to(by: Access) -> Q:
    """The same as `may("view", …)`, as a condition for a query on requests."""
    if not by.is_active:
        return Q(pk__in=())
    return Q(queue_id__in=by.queues_with(*SEEING_AT_ALL)) | Q(requester_key=by.person_key)


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


def counts_for(item: Item, by: Access, team_id: int, *, covered: Access | None = None) -> bool:
    """Whether an approval that `by` gave for a step of this team still counts (I4).

    `covered` is the person in whose place it was given: both must still be people who may.
    """
    seat = covered or by
    return all(
        person.is_active
        and not person.is_service
        and not _had_a_hand_in(item, person.person_key)
        and person.holds("decide_request", item.queue_id)
        for person in (by, seat)
    ) and _has_a_seat(item, seat, team_id)


def covered_by(item: Item, by: Access) -> Covered | None:
    """In whose place `by` would decide the open step, when they can't in their own."""
    if _is_free(item, by):
        return None
    return next((one for one in by.covers if _can_be_covered(item, one)), None)


def _is_free(item: Item, person: Access | Covered) -> bool:
    """Their seat in the team is there, large enough, and nobody has spoken from it."""
    return _has_a_seat(item, person, item.waiting_team_id) and all(
        decision.voice != person.person_key for decision in item.decisions_now
    )


def _can_be_covered(item: Item, person: Covered) -> bool:
    return (
        item.queue_id in person.queues
        and not _had_a_hand_in(item, person.person_key)
        and _is_free(item, person)
    )


def _has_a_seat(item: Item, person: Access | Covered, team_id: int | None) -> bool:
    member = person.teams.get(team_id)
    return member is not None and _is_within_limit(item, member)


def _had_a_hand_in(item: Item, person_key: UUID) -> bool:
    """They asked for it, or wrote any of its revisions."""
    return item.requester_key == person_key or str(person_key) in item.contributor_keys


def _decide(item: Item, by: Access) -> Verdict:
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
    if not by.holds("decide_request", item.queue_id):
        return denied("no-grant", f"You cannot decide {item.ref}: this queue is not yours.")
    if item.waiting_team_id is None:
        return ALLOWED
    if any(decision.person_key == by.person_key for decision in item.decisions_now):
        return denied(
            "already-decided",
            f"You have decided this step of {item.ref}; it needs someone else.",
        )
    if by.auth_method == "token" and item.needs_person_present:
        return denied(
            "person-present",
            f"The policy wants a person present for {item.ref}: decide it in the browser.",
        )
    if _is_free(item, by) or covered_by(item, by) is not None:
        return ALLOWED
    return _why_not_from_own_seat(item, by)


def _why_not_from_own_seat(item: Item, by: Access) -> Verdict:
    member = by.teams.get(item.waiting_team_id)
    if member is None:
        return denied("not-in-team", f"You cannot decide {item.ref}: it waits for another team.")
    if any(decision.voice == by.person_key for decision in item.decisions_now):
        return denied(
            "decided-for-you",
            f"This step of {item.ref} was decided in your place; it needs someone else.",
        )
    if not _is_within_limit(item, member):
        limit = money(member.limit_amount, member.limit_currency)
        return denied("over-limit", f"You can decide up to {limit}; {item.ref} is above that.")
    return ALLOWED


def _cover(person: Any, by: Access) -> Verdict:
    """`person` is the user who is to be covered. People set their own; leads set their team's."""
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

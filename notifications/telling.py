"""Whom an event tells, and in which words. Nothing here writes.

A sentence names the request and who acted, never a customer, an amount or the text of a note: it goes
into mails, too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.dateparse import parse_datetime

from accounts import access, grants
from accounts.models import Membership, User
from approvals import queries
from approvals.events import Action, sentence
from approvals.models import ApprovalRequest, Queue, State, Step
from approvals.rules import may, step_for
from approvals.wording import clock, short_name
from audit.models import Event, Outcome
from notifications.models import Topic, Watch


@dataclass(frozen=True)
class Telling:
    """One person is told one thing; `mark` says which, so that it is told once."""

    user_id: int
    topic: Topic
    mark: str
    sentence: str
    url: str
    item: ApprovalRequest | None = None
    step: int | None = None  # which they may decide
    is_urgent: bool = False
    happened_at: datetime | None = None  # when it is told later than it happened


def about_decision(item: ApprovalRequest, now: datetime) -> list[Telling]:
    """Everybody who can decide the open step."""
    if item.state != State.PENDING:
        return []
    return [
        _decision(item, person.user_id, step, now)
        for person in queries.candidates_of(item, now)
        if (step := step_for(item, person)) is not None
    ]


def _decision(item: ApprovalRequest, user_id: int, step: Step, now: datetime) -> Telling:
    due_at = step.due_at or item.due_at
    due = f", due {clock(due_at, now)}" if due_at else ""
    return Telling(
        user_id=user_id,
        topic=Topic.DECISIONS,
        mark=f"decision/{item.ref}/{item.revision}/{step.number}",
        sentence=f"{item.ref} waits for your decision{due}.",
        url=f"/requests/{item.ref}/#decide",
        item=item,
        step=step.number,
    )


# --- What happens to a request --------------------------------------------------------------------


def _asks_for_a_decision(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    return about_decision(item, now)


def _reminded(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    who = short_name(event.actor_label)
    if item.state == State.SENT_BACK:
        words = f"{who} reminds you: {item.ref} waits for your answer."
        return [_mine(event, item, item.requested_by_id, words)]
    words = f"{who} reminds you: {item.ref} waits for your decision."
    return [
        replace(one, mark=f"event/{event.pk}", sentence=words) for one in about_decision(item, now)
    ]


def _escalated(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    """What the policy has the clock do about a step that waits."""
    if event.facts["do"] == "widen":
        return about_decision(item, now)
    step = next((one for one in item.open_steps if one.number == event.facts["step"]), None)
    if step is None:
        return []
    if event.facts["do"] == "tell_lead":
        words = f"{item.ref} waits for a decision of your team longer than it should."
        leads = _leads_of(step.team_id)
        return [_mine(event, item, pk, words, is_urgent=True) for pk in leads]
    words = f"{item.ref} waits for your decision, and time is running."
    return [
        replace(one, mark=f"event/{event.pk}", sentence=words)
        for one in about_decision(item, now)
        if one.step == step.number
    ]


def _glass_broken(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    """Leads of the team that was passed over, and auditors of the queue, at once."""
    who = short_name(event.actor_label)
    words = f"{who} broke the glass for {item.ref}: it can be decided past its team."
    leads = {pk for step in item.open_steps for pk in _leads_of(step.team_id)}
    people = leads | {user.pk for user in queries.auditors_of(item.queue_id)}
    return [_mine(event, item, pk, words, is_urgent=True) for pk in people]


def _came_back(words: str) -> Callable[[Event, ApprovalRequest, datetime], list[Telling]]:
    def tell(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
        said = words.format(who=short_name(event.actor_label), ref=item.ref)
        return [_mine(event, item, item.requested_by_id, said)]

    return tell


def _failed_late(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    words = f"{item.ref} was done, and then it failed: it needs a person."
    people = {item.requested_by_id, item.owner_id} - {None}
    return [_mine(event, item, pk, words, is_urgent=True) for pk in people]


def _stranded(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    """Leads can set cover; whoever asked should know why it stands still."""
    words = f"Nobody can decide {item.ref} now. Cover, or another member, would help."
    people = {item.requested_by_id, *_leads_of(item.waiting_team_id)}
    return [_mine(event, item, pk, words) for pk in people]


def _given(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    words = f"{short_name(event.actor_label)} gave you {item.ref}."
    owner = event.facts.get("owner", "")
    return [_mine(event, item, int(owner), words)] if str(owner).isdigit() else []


def _named(event: Event, item: ApprovalRequest, now: datetime) -> list[Telling]:
    words = f"{short_name(event.actor_label)} names you in a note on {item.ref}."
    return [
        _telling(event, item, int(pk), Topic.MENTIONS, words)
        for pk in event.facts.get("mentions", [])
    ]


OF_REQUESTS: Mapping[str, Callable[[Event, ApprovalRequest, datetime], list[Telling]]] = {
    Action.SUBMIT: _asks_for_a_decision,
    Action.RESUBMIT: _asks_for_a_decision,
    Action.APPROVE: _asks_for_a_decision,
    Action.TAKE_BACK: _asks_for_a_decision,
    Action.UNSTRAND: _asks_for_a_decision,
    Action.MOVE_POLICY: _asks_for_a_decision,
    Action.REMIND: _reminded,
    Action.ESCALATE: _escalated,
    Action.BREAK_GLASS: _glass_broken,
    Action.SEND_BACK: _came_back("{who} sent {ref} back to you with a question."),
    Action.REJECT: _came_back("{who} rejected {ref}, which you asked for."),
    Action.EXPIRE: _came_back("{ref}, which you asked for, expired: nobody decided in time."),
    Action.REPORT_LATE_FAILURE: _failed_late,
    Action.STRAND: _stranded,
    Action.ASSIGN: _given,
    Action.NOTE: _named,
}

# These tell only who can decide it, so nobody once it is decided.
ASKING = {action for action, tell in OF_REQUESTS.items() if tell is _asks_for_a_decision}

# What somebody who watches a request wants to hear; starts and tries are too many.
WORTH_WATCHING = frozenset(
    {
        Action.APPROVE,
        Action.REJECT,
        Action.SEND_BACK,
        Action.RESUBMIT,
        Action.WITHDRAW,
        Action.TAKE_BACK,
        Action.EXPIRE,
        Action.SUCCEED,
        Action.LOSE_TRACK,
        Action.GIVE_UP,
        Action.HOLD,
        Action.RESUME,
        Action.SETTLE,
        Action.REPORT_LATE_FAILURE,
        Action.NOTE,
    }
)


def _watched(event: Event, item: ApprovalRequest, watchers: Iterable[int]) -> list[Telling]:
    said = sentence(event.action, event.facts)
    words = f"{item.ref}, which you watch: {said[:1].lower()}{said[1:]}."
    return [_telling(event, item, pk, Topic.WATCHED, words) for pk in watchers]


# --- What happens to people -----------------------------------------------------------------------


def _covering(event: Event, now: datetime) -> list[Telling]:
    deputy = event.facts.get("deputy_id")
    if deputy is None:
        return []
    who, until = event.facts["person"], parse_datetime(event.facts["ends_at"])
    words = f"You decide in the place of {short_name(who)} until {clock(until, now)}."
    return [Telling(deputy, Topic.SHIFTS, f"event/{event.pk}", words, "/me/cover/")]


def _handed_over(event: Event, now: datetime) -> list[Telling]:
    words = f"{short_name(event.actor_label)} hands a shift over to you. It waits for your answer."
    url = f"/handoff/{event.target_id}/"
    return [
        Telling(event.facts["to_id"], Topic.SHIFTS, f"event/{event.pk}", words, url, is_urgent=True)
    ]


def _not_accepted(event: Event, now: datetime) -> list[Telling]:
    who = short_name(event.facts["to"])
    words = f"The handoff to {who} is not accepted, 30 minutes into the shift."
    url = f"/handoff/{event.target_id}/"
    people = {event.facts["from_id"], *_leads_of(event.facts["team_id"])}
    return [
        Telling(pk, Topic.SHIFTS, f"event/{event.pk}", words, url, is_urgent=True) for pk in people
    ]


OF_PEOPLE: Mapping[str, Callable[[Event, datetime], list[Telling]]] = {
    "cover.set": _covering,
    "handoff.send": _handed_over,
    "handoff.late": _not_accepted,
}


# --- All of them ----------------------------------------------------------------------------------


def of_events(events: Iterable[Event], now: datetime) -> list[Telling]:
    """Everything that these events tell anybody who may see it; nobody is told of their own acts."""
    told = [event for event in events if event.outcome != Outcome.DENIED]
    items = _items_of(told)
    watchers = _watchers_of(items.values()) if items else {}
    found: list[tuple[Event, Telling]] = []
    for event in told:
        if of_person := OF_PEOPLE.get(event.action):
            found += [(event, telling) for telling in of_person(event, now)]
        elif event.target_id in items and event.target_type == "request":
            item = items[event.target_id]
            found += [(event, one) for one in _of_request(event, item, watchers, now)]
    return _for_those_who_may_see(found)


def _of_request(
    event: Event, item: ApprovalRequest, watchers: Mapping[int, list[int]], now: datetime
) -> list[Telling]:
    tell = OF_REQUESTS.get(event.action)
    tellings = tell(event, item, now) if tell else []
    if event.action in WORTH_WATCHING:
        tellings += _watched(event, item, watchers.get(item.pk, ()))
    return tellings


def _items_of(events: Iterable[Event]) -> dict[str, ApprovalRequest]:
    """The requests of these events that anybody may be told of: most have been decided by now."""
    of_requests = [event for event in events if event.target_type == "request"]
    asking, telling, watched = (
        {event.target_id for event in of_requests if event.action in actions}
        for actions in (ASKING, OF_REQUESTS.keys() - ASKING, WORTH_WATCHING)
    )
    if not asking | telling | watched:
        return {}
    found = queries.requests().filter(
        Q(ref__in=telling)
        | Q(ref__in=asking, state=State.PENDING)
        | Q(Exists(Watch.objects.filter(item=OuterRef("pk"))), ref__in=watched)
    )
    return {item.ref: item for item in found}


def _watchers_of(items: Iterable[ApprovalRequest]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for item_id, user_id in Watch.objects.filter(item__in=list(items)).values_list("item", "user"):
        found.setdefault(item_id, []).append(user_id)
    return found


def _for_those_who_may_see(found: list[tuple[Event, Telling]]) -> list[Telling]:
    ids = {telling.user_id for _, telling in found}
    users = User.objects.filter(pk__in=ids, is_active=True, is_service=False)
    people = {person.user_id: person for person in access.of_all(users, Queue)} if ids else {}
    return [
        replace(telling, happened_at=event.occurred_at)
        for event, telling in found
        if (person := people.get(telling.user_id)) is not None
        and not _is_by(event, person)
        and (telling.item is None or may("view", telling.item, person))
    ]


def _is_by(event: Event, person: access.Access) -> bool:
    return event.actor_type == "person" and event.actor_id == str(person.user_id)


def _leads_of(team_id: int | None) -> list[int]:
    return list(queries.leads_of(team_id).values_list("pk", flat=True))


def leads_of_operations(item: ApprovalRequest) -> list[int]:
    """Leads of teams whose members operate this request's queue; they look when it is nobody's."""
    operates = grants.holds(
        "operate_request", Queue, user=OuterRef("user"), object_id=item.queue_id
    )
    found = Membership.objects.filter(operates, is_lead=True, user__is_active=True)
    return list(found.values_list("user", flat=True).distinct())


def _mine(event: Event, item: ApprovalRequest, user_id: int, words: str, **more: Any) -> Telling:
    return _telling(event, item, user_id, Topic.MINE, words, **more)


def _telling(
    event: Event, item: ApprovalRequest, user_id: int, topic: Topic, words: str, **more: Any
) -> Telling:
    """`more` may say that it is urgent. Two topics of one event tell a person once."""
    return Telling(
        user_id, topic, f"event/{event.pk}", words, f"/requests/{item.ref}/", item=item, **more
    )

"""Generated organisations: teams, queues, people, grants and requests, as plain data first.

`built` puts one into the database through the product's own functions, lets people decide, and
then changes the organisation under the requests: people leave, are merged, lose grants.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st

from accounts import grants, holding
from accounts.models import Cover, Membership, Team, User
from approvals.commands import decide, operate, submit
from approvals.commands.policies import load_policy
from approvals.events import Action
from approvals.models import ApprovalRequest, Queue
from approvals.refusals import Refusal
from approvals.transitions import commit
from audit.recorder import Actor
from tests.cast import Cast

CODENAMES = (
    "view_queue",
    "submit_request",
    "decide_request",
    "operate_request",
    "answer_request",
    "manage_policy",
    "audit_queue",
)
AMOUNTS = (100, 5_000, 5_001, 200_000)
CURRENCIES = ("EUR", "USD")


@dataclass(frozen=True)
class Person:
    is_service: bool
    is_superuser: bool
    same_as_first: bool
    memberships: dict[int, tuple[int, str] | None]  # team → limit
    grants: frozenset[tuple[int, str]]  # queue, codename


@dataclass(frozen=True)
class Asked:
    """A request of `by` in `queue`, None for a manual task, and what people then try."""

    by: int
    queue: int
    money: tuple[int, str] | None
    tries: list[tuple[str, int]]
    contributor: int | None


@dataclass(frozen=True)
class Organisation:
    teams: int
    steps: list[tuple[int, int]]  # team, quorum
    is_due: bool
    people: list[Person]
    team_grants: frozenset[tuple[int, int, str]]  # team, queue, codename
    covers: list[tuple[int, int]]  # person, deputy
    requests: list[Asked]
    held: list[int]
    leaves: list[int]
    loses_teams: list[int]
    merged: list[int]


@st.composite
def organisations(draw) -> Organisation:
    teams = draw(st.integers(2, 3))
    count = draw(st.integers(4, 6))
    team, queue, person = st.integers(0, teams - 1), st.integers(0, 1), st.integers(0, count - 1)
    codename = st.sampled_from(CODENAMES)
    limit = st.none() | st.tuples(st.sampled_from(AMOUNTS), st.sampled_from(CURRENCIES))
    people = st.builds(
        Person,
        is_service=rarely(),
        is_superuser=rarely(),
        same_as_first=rarely(),
        memberships=st.dictionaries(team, limit, min_size=1, max_size=2),
        grants=st.frozensets(st.tuples(queue, codename), max_size=3),
    )
    tried = st.sampled_from(["approve", "approve", "approve", "send_back", "reject", "claim"])
    asked = st.builds(
        Asked,
        by=person,
        queue=queue,
        money=st.none() | st.tuples(st.sampled_from(AMOUNTS), st.sampled_from(CURRENCIES)),
        tries=st.lists(st.tuples(tried, person), max_size=3),
        contributor=st.none() | st.none() | person,
    )
    deciding = draw(st.frozensets(st.tuples(team, queue), min_size=2, max_size=4))
    return Organisation(
        teams=teams,
        steps=draw(st.lists(st.tuples(team, st.integers(1, 2)), min_size=1, max_size=2)),
        is_due=draw(st.booleans()),
        people=draw(st.lists(people, min_size=count, max_size=count)),
        team_grants=draw(st.frozensets(st.tuples(team, queue, codename), max_size=4))
        | {(*where, "decide_request") for where in deciding},
        covers=draw(st.lists(st.tuples(person, person), max_size=3)),
        requests=draw(st.lists(asked, min_size=2, max_size=4)),
        held=draw(st.lists(person, max_size=1)),
        leaves=draw(st.lists(person, max_size=1)),
        loses_teams=draw(st.lists(person, max_size=1)),
        merged=draw(st.lists(person, max_size=1)),
    )


def rarely() -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, False, True])


def built(plan: Organisation, cast: Cast) -> tuple[list[User], list[ApprovalRequest]]:
    """Everybody and every request of `plan`, loaded as they are after everything happened."""
    teams = [Team.objects.create(name=f"Team {number}") for number in range(plan.teams)]
    queues = [_queue(number, plan, cast) for number in range(2)]
    people = [_person(number, person) for number, person in enumerate(plan.people)]
    for user, person in zip(people, plan.people, strict=True):
        for team, limit in person.memberships.items():
            amount, currency = limit or (None, "")
            Membership.objects.create(
                user=user, group=teams[team], limit_amount=amount, limit_currency=currency
            )
        for queue, codename in person.grants:
            grants.give(codename, to=user, on=queues[queue])
    for team, queue, codename in plan.team_grants:
        grants.give(codename, to=teams[team], on=queues[queue])
    for person, deputy in plan.covers:
        _cover(people[person], people[deputy], queues, cast)
    refs = [_asked(asked, people, queues, cast) for asked in plan.requests]
    _happen(plan, people)
    users = list(User.objects.filter(pk__in=[user.pk for user in people]))
    return users, [cast.get(ref) for ref in refs]


def _queue(number: int, plan: Organisation, cast: Cast) -> Queue:
    due = {"due_after": "4 h", "warn_after": "2 h"} if plan.is_due else {}
    steps = [{"team": f"Team {team}", "quorum": quorum, **due} for team, quorum in plan.steps]
    table = [{"name": "Everything", "steps": steps[number:] or steps, "start_delay": "5 s"}]
    version = load_policy(slug=f"plan-{number}", name="Plan", table=table, at=cast.now)
    return Queue.objects.create(
        slug=f"desk-{number}", name="Desk", kinds=["refund", "manual"], policy=version.policy
    )


def _person(number: int, person: Person) -> User:
    user = User(
        email=f"p{number}@plan.test",
        name=f"Person {number}",
        is_service=person.is_service,
        is_superuser=person.is_superuser,
    )
    if person.same_as_first and number:
        user.person_key = User.objects.get(email="p0@plan.test").person_key
    user.save()
    return user


def _cover(person: User, deputy: User, queues: list[Queue], cast: Cast) -> None:
    """By the clock of the cast, and by the database's."""
    if person != deputy:
        ends_at = timezone.now() + timedelta(days=60)
        made = Cover.objects.create(
            person=person,
            by=deputy,
            starts_at=cast.now,
            ends_at=ends_at,
            set_by=person,
            set_at=cast.now,
        )
        made.queues.set(queues)


def _asked(asked: Asked, people: list[User], queues: list[Queue], cast: Cast) -> str:
    """Its reference. Whoever asks may ask at that moment, whatever they may later."""
    by, queue = people[asked.by], queues[asked.queue]
    arguments = _arguments(asked, cast)
    grants.give("submit_request", to=by, on=queue)
    item = cast.get(
        submit.submit(by=by, at=cast.now, key=cast.key(), queue=queue.slug, **arguments).ref
    )
    grants.take("submit_request", of=by, on=queue)
    for verb, number in asked.tries:
        _try(verb, item.ref, people[number], cast)
    if asked.contributor is not None:
        _contribute(item.ref, people[asked.contributor], cast)
    return item.ref


def _arguments(asked: Asked, cast: Cast) -> dict:
    if asked.money is None:
        title = f"Task {cast.key()}"
        payload = {"title": title, "instructions": "Do it."}
        return {"kind": "manual", "payload": payload, "customer": "A. Silva", "reason": "Because."}
    amount, currency = asked.money
    return cast.refund_arguments(payload={"amount": amount, "currency": currency})


def _try(verb: str, ref: str, by: User, cast: Cast) -> None:
    """Let somebody try, whether they may or not."""
    item = cast.get(ref)
    common = {"ref": ref, "by": by, "at": cast.now, "key": cast.key()}
    seen = {"revision": item.revision, "step": item.step or 1}
    try:
        if verb == "claim":
            operate.claim(**common)
        elif verb == "approve":
            decide.approve(**common, **seen)
        else:
            getattr(decide, verb)(**common, **seen, reason="Because.")
    except Refusal:
        pass


def _contribute(ref: str, who: User, cast: Cast) -> None:
    """They are named as contributor, as if they had written a revision."""
    item = cast.get(ref)
    with transaction.atomic():
        commit(
            item,
            Action.NOTE,
            actor=Actor(type="person", id=str(who.pk), label=who.name),
            at=cast.now,
            contributor_keys=[*item.contributor_keys, str(who.person_key)],
        )


def _happen(plan: Organisation, people: list[User]) -> None:
    """What changes in an organisation while requests wait."""
    for number in plan.held:
        holding.begin(people[number])
    for number in plan.leaves:
        User.objects.filter(pk=people[number].pk).update(is_active=False)
    for number in plan.loses_teams:
        Membership.objects.filter(user=people[number]).delete()
    for number in plan.merged:
        User.objects.filter(pk=people[number].pk).update(person_key=people[-1].person_key)


MOMENTS = [timedelta(), timedelta(hours=3), timedelta(hours=5), timedelta(days=40)]

"""What one person may do, loaded once and asked often: the `by` of every rule and command."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import models

from accounts import grants
from accounts.models import Cover, Membership, User
from audit.recorder import Actor


@dataclass(frozen=True)
class Member:
    """A membership's facts. `limit_amount` in minor units of `limit_currency`, None: no limit."""

    team: str
    is_lead: bool
    limit_amount: int | None
    limit_currency: str


@dataclass(frozen=True)
class Covered:
    """Somebody whose place one may take now, on `queues`: those where they may decide themselves."""

    user_id: int
    name: str
    person_key: uuid.UUID
    queues: frozenset[int]
    teams: Mapping[int, Member]


@dataclass(frozen=True)
class Access:
    """A person as the rules see them. Loaded anew for every command, so nothing is stale."""

    user_id: int
    name: str
    person_key: uuid.UUID
    is_active: bool = True
    is_service: bool = False
    is_staff: bool = False
    auth_method: str = "session"
    queues: Mapping[int, frozenset[str]] = field(default_factory=dict)
    teams: Mapping[int, Member] = field(default_factory=dict)
    covers: tuple[Covered, ...] = ()

    def holds(self, codename: str, queue_id: int) -> bool:
        return codename in self.queues.get(queue_id, frozenset())

    def queues_with(self, *codenames: str) -> list[int]:
        return [pk for pk, held in self.queues.items() if held.intersection(codenames)]

    @property
    def stream(self) -> str:
        """Where attempts of this person that were refused are recorded."""
        return f"person/{self.person_key}"

    @property
    def actor(self) -> Actor:
        return Actor(
            type="service" if self.is_service else "person",
            id=str(self.user_id),
            label=self.name,
            auth_method=self.auth_method,
        )


def of(user: User, objects: type[models.Model], *, at: datetime | None = None) -> Access:
    """`objects` is the model that carries the grants. Reads the account itself anew, too.

    With the covers that run at `at`; without it with none.
    """
    fresh = User.objects.get(pk=user.pk)
    fresh.auth_method = user.auth_method
    return of_loaded(fresh, objects, at=at)


def of_loaded(user: User, objects: type[models.Model], *, at: datetime | None = None) -> Access:
    """As `of`, for an account that was read a moment ago, as for the page it asks for."""
    return replace(of_many([user], objects, at=at)[user.pk], auth_method=user.auth_method)


def of_many(
    users: Iterable[User], objects: type[models.Model], *, at: datetime | None = None
) -> dict[int, Access]:
    """By user id; as `of`. A constant number of queries."""
    users = list(users)
    covers = list(_running(users, at)) if at is not None else []
    found = _without_covers({*users, *(cover.person for cover in covers)}, objects)
    taken: dict[int, list[Covered]] = {user.pk: [] for user in users}
    for cover in covers:
        taken[cover.by_id].append(_covered(found[cover.person_id], cover))
    return {pk: replace(found[pk], covers=tuple(covered)) for pk, covered in taken.items()}


def _running(users: list[User], at: datetime) -> models.QuerySet[Cover]:
    found = Cover.objects.filter(Cover.running(at), by__in=users, person__is_active=True)
    return found.select_related("person").prefetch_related("queues")


def _covered(person: Access, cover: Cover) -> Covered:
    return Covered(
        user_id=person.user_id,
        name=person.name,
        person_key=person.person_key,
        queues=frozenset(
            queue.pk for queue in cover.queues.all() if person.holds("decide_request", queue.pk)
        ),
        teams=person.teams,
    )


def _without_covers(users: Iterable[User], objects: type[models.Model]) -> dict[int, Access]:
    users = list(users)
    codenames = grants.codenames_of(users, objects)
    teams: dict[int, dict[int, Member]] = {user.pk: {} for user in users}
    memberships = Membership.objects.filter(user__in=users).select_related("group")
    for membership in memberships:
        teams[membership.user_id][membership.group_id] = Member(
            team=membership.group.name,
            is_lead=membership.is_lead,
            limit_amount=membership.limit_amount,
            limit_currency=membership.limit_currency,
        )
    return {
        user.pk: Access(
            user_id=user.pk,
            name=user.name,
            person_key=user.person_key,
            is_active=user.is_active,
            is_service=user.is_service,
            is_staff=user.is_staff,
            queues=codenames[user.pk],
            teams=teams[user.pk],
        )
        for user in users
    }

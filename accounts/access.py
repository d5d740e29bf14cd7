"""What one person may do, loaded once and asked often: the `by` of every rule and command."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.db import models

from accounts import grants
from accounts.models import Membership, User
from audit.recorder import Actor


@dataclass(frozen=True)
class Member:
    """A membership's facts. `limit_amount` in minor units of `limit_currency`, None: no limit."""

    team: str
    is_lead: bool
    limit_amount: int | None
    limit_currency: str


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


def of(user: User, objects: type[models.Model]) -> Access:
    """`objects` is the model that carries the grants. Reads the account itself anew, too."""
    fresh = User.objects.get(pk=user.pk)
    return replace(of_many([fresh], objects)[user.pk], auth_method=user.auth_method)


def of_many(users: Iterable[User], objects: type[models.Model]) -> dict[int, Access]:
    """By user id. Three queries, however many users."""
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

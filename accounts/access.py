"""What one person may do, loaded once and asked often: the `by` of every rule and command."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Cast

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
    """By user id; as `of`. One query, however many users."""
    users = list(users)
    found = _Rows()
    for row in _rows([user.pk for user in users], objects, at):
        found.add(*row)
    return {
        user.pk: Access(
            user_id=user.pk,
            name=user.name,
            person_key=user.person_key,
            is_active=user.is_active,
            is_service=user.is_service,
            is_staff=user.is_staff,
            queues=found.queues_of(user.pk),
            teams=found.teams[user.pk],
            covers=found.covers_of(user.pk),
        )
        for user in users
    }


GRANT, MEMBER, COVER = "grant", "member", "cover"
Row = tuple[str, int, int, str, bool, int | None, str]


class _Rows:
    """What was read of several people, sorted out: rights, memberships, and whom they cover."""

    def __init__(self) -> None:
        self.rights: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.teams: dict[int, dict[int, Member]] = defaultdict(dict)
        self.covered: dict[int, dict[int, tuple[str, uuid.UUID, set[int]]]] = defaultdict(dict)

    def add(
        self, what: str, user: int, on: int, text: str, flag: bool, number: int | None, code: str
    ) -> None:
        if what == GRANT:
            self.rights[user][on].add(text)
        elif what == MEMBER:
            self.teams[user][on] = Member(text, flag, number, code)
        else:
            person = self.covered[user].setdefault(number, (text, uuid.UUID(code), set()))
            person[2].add(on)

    def queues_of(self, user: int) -> dict[int, frozenset[str]]:
        return {on: frozenset(names) for on, names in self.rights[user].items()}

    def covers_of(self, user: int) -> tuple[Covered, ...]:
        return tuple(
            Covered(
                user_id=pk,
                name=name,
                person_key=person_key,
                queues=frozenset(on for on in queues if "decide_request" in self.rights[pk][on]),
                teams=self.teams[pk],
            )
            for pk, (name, person_key, queues) in sorted(self.covered[user].items())
        )


def _rows(ids: list[int], objects: type[models.Model], at: datetime | None) -> Iterable[Row]:
    """Rights and memberships of these users and of whom they cover at `at`, and those covers."""
    holders, covers = models.Q(holder__in=ids), None
    if at is not None:
        covers = Cover.objects.filter(Cover.running(at), by__in=ids, person__is_active=True)
        holders |= models.Q(holder__in=covers.order_by().values("person"))
    nothing = Value(None, output_field=models.BigIntegerField())
    parts = [
        found.values_list(
            Value(GRANT),
            "holder",
            "on",
            "codename",
            Value(False),
            Cast(nothing, models.BigIntegerField()),
            Value(""),
        )
        for found in grants.held_by(holders, objects)
    ]
    parts.append(
        Membership.objects.annotate(holder=F("user"))
        .filter(holders)
        .values_list(
            Value(MEMBER),
            "holder",
            "group",
            "group__name",
            "is_lead",
            "limit_amount",
            "limit_currency",
        )
    )
    if covers is not None:
        parts.append(
            covers.order_by().values_list(
                Value(COVER),
                "by",
                "queues",
                "person__name",
                Value(False),
                "person",
                Cast("person__person_key", models.CharField()),
            )
        )
    return parts[0].union(*parts[1:], all=True)

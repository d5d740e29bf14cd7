"""What one person may do, loaded once and asked often: the `by` of every rule and command."""

import functools
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from django.db import models
from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.db.models.functions import Cast, Extract

from accounts import grants, holding
from accounts.kept_queries import Kept, Slot
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
    """Somebody whose place one may take now, on `queues`: those where they have the right to decide."""

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
    held_until: datetime | None = None  # they decide nothing before; None when that is over

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
    found = _Rows(_of_one(objects, at is not None, True)(user=user.pk, at=at))
    if user.pk not in found.accounts:
        raise User.DoesNotExist
    fresh = found.access_of(user.pk, found.accounts[user.pk])
    return replace(fresh, auth_method=user.auth_method)


def of_loaded(user: User, objects: type[models.Model], *, at: datetime | None = None) -> Access:
    """As `of`, for an account that was read a moment ago, as for the page it asks for."""
    found = _Rows(_of_one(objects, at is not None, False)(user=user.pk, at=at))
    return replace(found.access_of(user.pk, Account.of(user)), auth_method=user.auth_method)


def of_many(
    users: Iterable[User], objects: type[models.Model], *, at: datetime | None = None
) -> dict[int, Access]:
    """By user id; as `of_loaded`, but for how they came in. One query, however many users."""
    users = list(users)
    found = _Rows(_rows(_one_of([user.pk for user in users]), objects, at))
    return {user.pk: found.access_of(user.pk, Account.of(user)) for user in users}


def of_all(
    users: models.QuerySet[User], objects: type[models.Model], *, at: datetime | None = None
) -> list[Access]:
    """The same for users who were not read yet, by name; in one query with their accounts."""
    wanted = _one_of(users.order_by().values("pk"))
    found = _Rows(_rows(wanted, objects, at, _accounts(wanted)))
    people = [found.access_of(pk, account) for pk, account in found.accounts.items()]
    return sorted(people, key=lambda person: (person.name, person.user_id))


class Account(NamedTuple):
    name: str
    person_key: uuid.UUID
    is_active: bool
    is_service: bool
    is_staff: bool

    @classmethod
    def of(cls, user: User) -> "Account":
        return cls(user.name, user.person_key, user.is_active, user.is_service, user.is_staff)


GRANT, MEMBER, COVER, ACCOUNT, HELD = "grant", "member", "cover", "account", "held"
Row = tuple[str, int, int, str, bool, int | None, str]


class _Rows:
    """What was read of several people, sorted out: rights, memberships, and whom they cover."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.accounts: dict[int, Account] = {}
        self.rights: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.teams: dict[int, dict[int, Member]] = defaultdict(dict)
        self.covered: dict[int, dict[int, tuple[str, uuid.UUID, set[int]]]] = defaultdict(dict)
        self.held: dict[int, datetime] = {}
        for row in rows:
            self._add(*row)

    def _add(
        self, what: str, user: int, on: int, text: str, flag: bool, number: int | None, code: str
    ) -> None:
        if what == GRANT:
            self.rights[user][on].add(text)
        elif what == MEMBER:
            self.teams[user][on] = Member(text, flag, number, code)
        elif what == COVER:
            person = self.covered[user].setdefault(number, (text, uuid.UUID(code), set()))
            person[2].add(on)
        elif what == HELD:
            self.held[user] = holding.moment(number or 0)
        else:
            self.accounts[user] = Account(text, uuid.UUID(code), bool(number), bool(on), flag)

    def access_of(self, user: int, account: Account) -> Access:
        return Access(
            user_id=user,
            **account._asdict(),
            queues=self.queues_of(user),
            teams=self.teams[user],
            covers=self.covers_of(user),
            held_until=self.held.get(user),
        )

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


@functools.cache
def _of_one(objects: type[models.Model], with_covers: bool, with_account: bool) -> Kept:
    """The rows of one `user` `at` some time, asked for in every command and on every page."""

    def rows(user: Slot, at: Slot) -> models.QuerySet:
        def them(field: str) -> Q:
            return Q(**{field: user})

        account = [_accounts(them)] if with_account else []
        return _rows(them, objects, at if with_covers else None, *account)

    return Kept(rows, "user", "at")


_NOTHING = Cast(Value(None, output_field=BigIntegerField()), BigIntegerField())


# Which users, as a condition on a field of this name.
Whose = Callable[[str], Q]


def _one_of(ids: list[int] | models.QuerySet) -> Whose:
    return lambda field: Q(**{f"{field}__in": ids})


def _rows(
    whose: Whose,
    objects: type[models.Model],
    at: datetime | Slot | None,
    *more: models.QuerySet,
) -> models.QuerySet:
    """Rights and memberships of these users and of whom they cover at `at`, and those covers."""
    holders, parts = whose("holder"), list(more)
    if at is not None:
        covers = Cover.objects.filter(
            Cover.running(at), whose("by"), person__is_active=True, person__is_service=False
        )
        holders |= Q(holder__in=covers.order_by().values("person"))
        parts.append(_covers(covers.order_by()))
    parts += [_grants(found) for found in grants.held_by(holders, objects)]
    parts.append(_members(Membership.objects.annotate(holder=F("user")).filter(holders)))
    parts.append(_held(User.objects.filter(holding.is_running(), whose("pk"))))
    return parts[0].union(*parts[1:], all=True)


def _grants(found: models.QuerySet) -> models.QuerySet:
    return found.values_list(
        Value(GRANT), "holder", "on", "codename", Value(False), _NOTHING, Value("")
    )


def _members(found: models.QuerySet) -> models.QuerySet:
    return found.values_list(
        Value(MEMBER),
        "holder",
        "group",
        "group__name",
        "is_lead",
        "limit_amount",
        "limit_currency",
    )


def _covers(found: models.QuerySet) -> models.QuerySet:
    return found.values_list(
        Value(COVER),
        "by",
        "queues",
        "person__name",
        Value(False),
        "person",
        Cast("person__person_key", models.CharField()),
    )


def _held(found: models.QuerySet) -> models.QuerySet:
    until = Cast(Extract("held_until", "epoch"), BigIntegerField())
    nothing = Value(0, output_field=BigIntegerField())
    return found.values_list(Value(HELD), "pk", nothing, Value(""), Value(False), until, Value(""))


def _accounts(whose: Whose) -> models.QuerySet:
    return User.objects.filter(whose("pk")).values_list(
        Value(ACCOUNT),
        "pk",
        _as_number("is_service"),
        "name",
        "is_staff",
        _as_number("is_active"),
        Cast("person_key", models.CharField()),
    )


def _as_number(flag: str) -> Case:
    """1 or 0, for a column that holds numbers."""
    return Case(When(**{flag: True}, then=1), default=0, output_field=BigIntegerField())

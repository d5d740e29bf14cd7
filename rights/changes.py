"""One change of who may do what: a right on a queue, a seat in a team, or the administration.

Each can be written down and read again (`rights.reading`), says whether it gives more than there is,
and is carried out once. It is read anew with its rows locked before it is, so what it says of today is
true.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from accounts import grants, holding, second_factor, sessions
from accounts.models import Ceiling, Membership, Team, User
from approvals.models import Queue
from approvals.wording import money, visible
from audit.recorder import Target
from rights.words import RIGHTS


class Impossible(ValueError):
    """The message is a sentence for whoever asked for it."""


class Change(Protocol):
    """`favours` is the one person who gains by it, if it is one; the rest is said in its name."""

    @property
    def is_so(self) -> bool: ...
    @property
    def widens(self) -> bool: ...
    @property
    def favours(self) -> UUID | None: ...
    @property
    def sentence(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    def carry_out(self) -> None: ...
    def written(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class RightChange:
    """A team or a single person may do something on a queue, or no longer."""

    holder: Team | User
    right: str
    queue: Queue
    is_given: bool

    @property
    def is_so(self) -> bool:
        return grants.is_given(self.right, to=self.holder, on=self.queue) == self.is_given

    @property
    def widens(self) -> bool:
        return self.is_given

    @property
    def favours(self) -> UUID | None:
        return getattr(self.holder, "person_key", None) if self.is_given else None

    @property
    def sentence(self) -> str:
        may = "may" if self.is_given else "may no longer"
        return f"{self._name} {may} {RIGHTS[self.right].phrase}, on {visible(self.queue.name)}."

    @property
    def action(self) -> str:
        return "access.give" if self.is_given else "access.take"

    @property
    def target(self) -> Target:
        return Target("queue", self.queue.slug)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "holder": self._name,
            "holder_id": f"{self._what}/{self.holder.pk}",
            "right": self.right,
            "phrase": RIGHTS[self.right].phrase,
        }

    def carry_out(self) -> None:
        change = grants.give if self.is_given else grants.take
        change(self.right, **{"to" if self.is_given else "of": self.holder}, on=self.queue)

    def written(self) -> dict[str, Any]:
        return {
            "what": "right",
            self._what: self.holder.pk,
            "right": self.right,
            "queue": self.queue.pk,
            "give": self.is_given,
        }

    @property
    def _what(self) -> str:
        return "team" if isinstance(self.holder, Team) else "person"

    @property
    def _name(self) -> str:
        return visible(self.holder.name)


@dataclass(frozen=True)
class Seat:
    """What a membership says: lead or not, and up to which amount, in minor units; None: any."""

    is_lead: bool = False
    limit_amount: int | None = None
    limit_currency: str = ""

    @classmethod
    def of(cls, membership: Membership) -> "Seat":
        return cls(membership.is_lead, membership.limit_amount, membership.limit_currency)

    @property
    def in_words(self) -> str:
        limit = "decides any amount"
        if self.limit_amount is not None:
            limit = f"decides up to {money(self.limit_amount, self.limit_currency)}"
        return f"lead, {limit}" if self.is_lead else limit

    def exceeds(self, other: "Seat") -> bool:
        """It lets its holder do something that the other doesn't."""
        if self.is_lead and not other.is_lead:
            return True
        if other.limit_amount is None:
            return False
        if self.limit_amount is None or self.limit_currency != other.limit_currency:
            return True
        return self.limit_amount > other.limit_amount


@dataclass(frozen=True)
class SeatChange:
    """A person's seat in a team as it shall be; None: they leave it. `now` is as it is."""

    person: User
    team: Team
    seat: Seat | None
    now: Seat | None

    @property
    def is_so(self) -> bool:
        return self.seat == self.now

    @property
    def widens(self) -> bool:
        if self.seat is None:
            return False
        return self.now is None or self.seat.exceeds(self.now)

    @property
    def favours(self) -> UUID | None:
        return self.person.person_key if self.widens else None

    @property
    def sentence(self) -> str:
        person, team = visible(self.person.name), visible(self.team.name)
        if self.seat is None:
            return f"{person} leaves {team}."
        if self.now is None:
            return f"{person} joins {team}: {self.seat.in_words}."
        return f"{person} in {team}: {self.seat.in_words}; until now: {self.now.in_words}."

    @property
    def action(self) -> str:
        if self.seat is None:
            return "access.leave"
        return "access.join" if self.now is None else "access.change_seat"

    @property
    def target(self) -> Target:
        return Target("person", str(self.person.pk))

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "person": visible(self.person.name),
            "team": visible(self.team.name),
            "team_id": self.team.pk,
            "as": self.seat.in_words if self.seat else "",
        }

    def carry_out(self) -> None:
        which = {"user": self.person, "group": self.team.group_ptr}
        if self.seat is None:
            Membership.objects.filter(**which).delete()
            return
        Membership.objects.update_or_create(
            **which,
            defaults={
                "is_lead": self.seat.is_lead,
                "limit_amount": self.seat.limit_amount,
                "limit_currency": self.seat.limit_currency,
            },
        )

    def written(self) -> dict[str, Any]:
        place = {"what": "seat", "person": self.person.pk, "team": self.team.pk}
        if self.seat is None:
            return {**place, "leave": True}
        return {
            **place,
            "lead": self.seat.is_lead,
            "limit": self.seat.limit_amount,
            "currency": self.seat.limit_currency,
        }


@dataclass(frozen=True)
class CeilingChange:
    """What a team's approvals, or one member's for it, may come to in 24 hours; None: any sum."""

    team: Team
    person: User | None
    most: tuple[int, str] | None
    now: tuple[int, str] | None

    @property
    def is_so(self) -> bool:
        return self.most == self.now

    @property
    def widens(self) -> bool:
        if self.now is None:
            return False
        if self.most is None or self.most[1] != self.now[1]:
            return True
        return self.most[0] > self.now[0]

    @property
    def favours(self) -> UUID | None:
        return self.person.person_key if self.person and self.widens else None

    @property
    def sentence(self) -> str:
        until = "" if self.now is None else f"; until now: {self._in_words(self.now)}"
        return f"{self._name} may approve {self._in_words(self.most)} in 24 hours{until}."

    @property
    def action(self) -> str:
        return "access.ceiling"

    @property
    def target(self) -> Target:
        if self.person is not None:
            return Target("person", str(self.person.pk))
        return Target("team", str(self.team.pk))

    @property
    def facts(self) -> dict[str, Any]:
        return {"who": self._name, "team_id": self.team.pk, "most": self._in_words(self.most)}

    def carry_out(self) -> None:
        which = {"team": self.team, "user": self.person}
        if self.most is None:
            Ceiling.objects.filter(**which).delete()
            return
        amount, currency = self.most
        Ceiling.objects.update_or_create(**which, defaults={"amount": amount, "currency": currency})

    def written(self) -> dict[str, Any]:
        amount, currency = self.most or (None, "")
        person = {"person": self.person.pk} if self.person else {}
        place = {"what": "ceiling", "team": self.team.pk, **person}
        return {**place, "amount": amount, "currency": currency}

    @property
    def _name(self) -> str:
        if self.person is None:
            return visible(self.team.name)
        return f"{visible(self.person.name)} in {visible(self.team.name)}"

    @staticmethod
    def _in_words(most: tuple[int, str] | None) -> str:
        return f"up to {money(*most)}" if most else "any sum"


@dataclass(frozen=True)
class _OfPerson:
    """What changes of an account share."""

    person: User

    @property
    def target(self) -> Target:
        return Target("person", str(self.person.pk))

    @property
    def facts(self) -> dict[str, Any]:
        return {"person": visible(self.person.name)}


@dataclass(frozen=True)
class Appointment(_OfPerson):
    """A person administers people, teams, queues and policies, or no longer."""

    is_given: bool

    @property
    def is_so(self) -> bool:
        return self.person.is_staff == self.person.is_superuser == self.is_given

    @property
    def widens(self) -> bool:
        return self.is_given

    @property
    def favours(self) -> UUID | None:
        return self.person.person_key if self.is_given else None

    @property
    def sentence(self) -> str:
        becomes = "becomes an administrator" if self.is_given else "is no longer an administrator"
        return f"{visible(self.person.name)} {becomes}."

    @property
    def action(self) -> str:
        return "access.appoint" if self.is_given else "access.dismiss"

    def carry_out(self) -> None:
        """Raises `Impossible` for the last administrator: nobody could appoint another."""
        others = User.objects.filter(is_staff=True, is_superuser=True, is_active=True)
        if not self.is_given and not others.exclude(pk=self.person.pk).exists():
            raise Impossible(f"{visible(self.person.name)} is the last administrator.")
        User.objects.filter(pk=self.person.pk).update(
            is_staff=self.is_given, is_superuser=self.is_given
        )

    def written(self) -> dict[str, Any]:
        return {"what": "administrator", "person": self.person.pk, "give": self.is_given}


@dataclass(frozen=True)
class AddressChange(_OfPerson):
    """The e-mail address that a person signs in with, and to which a new password is sent."""

    address: str

    @property
    def is_so(self) -> bool:
        return self.person.email == self.address

    @property
    def widens(self) -> bool:
        """Whoever reads mail there can become this person."""
        return True

    @property
    def favours(self) -> UUID | None:
        return None

    @property
    def sentence(self) -> str:
        now = visible(self.person.email)
        return (
            f"{visible(self.person.name)} signs in as {visible(self.address)}, until now as {now}, "
            "and decides nothing for 24 hours."
        )

    @property
    def action(self) -> str:
        return "access.change_address"

    @property
    def facts(self) -> dict[str, Any]:
        """With the address until now: a word is sent there, too."""
        return {**super().facts, "was": self.person.email}

    def carry_out(self) -> None:
        User.objects.filter(pk=self.person.pk).update(email=self.address)
        holding.begin(self.person)

    def written(self) -> dict[str, Any]:
        return {"what": "address", "person": self.person.pk, "address": self.address}


@dataclass(frozen=True)
class TeamFactorChange:
    """Whether the members of a team need a second factor."""

    team: Team
    is_needed: bool

    @property
    def is_so(self) -> bool:
        return self.team.needs_second_factor == self.is_needed

    @property
    def widens(self) -> bool:
        return not self.is_needed

    @property
    def favours(self) -> UUID | None:
        return None

    @property
    def sentence(self) -> str:
        need = "need" if self.is_needed else "no longer need"
        return f"Members of {visible(self.team.name)} {need} a second factor."

    @property
    def action(self) -> str:
        return "access.need_factor" if self.is_needed else "access.waive_factor"

    @property
    def target(self) -> Target:
        return Target("team", str(self.team.pk))

    @property
    def facts(self) -> dict[str, Any]:
        return {"team": visible(self.team.name)}

    def carry_out(self) -> None:
        Team.objects.filter(pk=self.team.pk).update(needs_second_factor=self.is_needed)

    def written(self) -> dict[str, Any]:
        return {"what": "team_factor", "team": self.team.pk, "need": self.is_needed}


@dataclass(frozen=True)
class LostFactor(_OfPerson):
    """Somebody's second factor is lost: it is taken away, and all their sessions end."""

    @property
    def is_so(self) -> bool:
        return not second_factor.has(self.person)

    @property
    def widens(self) -> bool:
        """From then on the password is enough."""
        return True

    @property
    def favours(self) -> UUID | None:
        return self.person.person_key

    @property
    def sentence(self) -> str:
        name = visible(self.person.name)
        return (
            f"The second factor of {name} is taken away, all their sessions end, and they decide "
            "nothing for 24 hours."
        )

    @property
    def action(self) -> str:
        return "access.reset_factor"

    def carry_out(self) -> None:
        second_factor.take_away(self.person)
        holding.begin(self.person)
        sessions.end_all(self.person)

    def written(self) -> dict[str, Any]:
        return {"what": "lost_factor", "person": self.person.pk}

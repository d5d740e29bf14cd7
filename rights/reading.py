"""Reading changes of rights that were written down, with what they are about as it is now."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models

from accounts.models import Ceiling, Membership, Team, User
from approvals.currencies import DIGITS
from approvals.models import Queue
from approvals.wording import visible
from rights.changes import (
    AddressChange,
    Appointment,
    CeilingChange,
    Change,
    Impossible,
    LostFactor,
    RightChange,
    Seat,
    SeatChange,
    TeamFactorChange,
)
from rights.words import RIGHTS

MOST_MONEY = 10**15


def read(written: dict[str, Any], *, lock: bool = False) -> Change:
    """`lock` keeps what it is about as it is until the transaction ends. Raises `Impossible`."""
    readers = {
        "right": _right,
        "seat": _seat,
        "ceiling": _ceiling,
        "administrator": _appointment,
        "address": _address,
        "team_factor": _team_factor,
        "lost_factor": _lost_factor,
    }
    reader = readers.get(written.get("what"))
    if reader is None:
        raise Impossible("There is no such change of rights.")
    return reader(written, lock)


def read_all(written: list[dict[str, Any]], *, lock: bool = False) -> list[Change]:
    """In one order whatever they are, so that two who lock the same wait for each other."""
    ordered = sorted(written, key=lambda one: sorted(map(str, one.items())))
    return [read(one, lock=lock) for one in ordered]


def _right(written: dict[str, Any], lock: bool) -> RightChange:
    queue = _one(Queue, written.get("queue"), "queue", lock)
    right, is_given = written.get("right"), written.get("give") is True
    if right not in RIGHTS:
        raise Impossible("There is no such right.")
    if "team" in written:
        holder = _one(Team, written["team"], "team", lock)
    else:
        holder = _person(written, lock, must_be_open=is_given)
    return RightChange(holder, right, queue, is_given)


def _seat(written: dict[str, Any], lock: bool) -> SeatChange:
    team = _one(Team, written.get("team"), "team", lock)
    leaves = written.get("leave") is True
    person = _person(written, lock, must_be_open=not leaves)
    row = Membership.objects.filter(user=person, group=team).first()
    now = Seat.of(row) if row else None
    return SeatChange(person, team, None if leaves else _seat_in(written), now)


def _seat_in(written: dict[str, Any]) -> Seat:
    limit = _limit(written, "limit")
    return Seat(written.get("lead") is True, *(limit or (None, "")))


def _ceiling(written: dict[str, Any], lock: bool) -> CeilingChange:
    team = _one(Team, written.get("team"), "team", lock)
    person = _person(written, lock, must_be_open=False) if "person" in written else None
    row = Ceiling.objects.filter(team=team, user=person).first()
    now = (row.amount, row.currency) if row else None
    return CeilingChange(team, person, _limit(written, "amount"), now)


def _limit(written: dict[str, Any], name: str) -> tuple[int, str] | None:
    """An amount with its currency, or None for any."""
    amount, currency = written.get(name), written.get("currency", "")
    if amount is None:
        return None
    if currency not in DIGITS:
        raise Impossible("A limit needs a currency, such as EUR.")
    if not isinstance(amount, int) or not 0 <= amount < MOST_MONEY:
        raise Impossible("That is no amount for a limit.")
    return amount, currency


def _appointment(written: dict[str, Any], lock: bool) -> Appointment:
    is_given = written.get("give") is True
    person = _person(written, lock, must_be_open=is_given)
    if is_given and person.is_service:
        raise Impossible("A program cannot be an administrator.")
    return Appointment(person, is_given)


def _address(written: dict[str, Any], lock: bool) -> AddressChange:
    person = _person(written, lock, must_be_open=True)
    return AddressChange(person, address_of(str(written.get("address", "")), but=person))


def address_of(typed: str, *, but: User | None = None) -> str:
    """An address to sign in with that no other account has. Raises `Impossible`."""
    address = typed.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Impossible("That is no e-mail address.") from error
    if User.objects.filter(email__iexact=address).exclude(pk=but and but.pk).exists():
        raise Impossible("Another account has this e-mail address.")
    return address


def _team_factor(written: dict[str, Any], lock: bool) -> TeamFactorChange:
    team = _one(Team, written.get("team"), "team", lock)
    return TeamFactorChange(team, written.get("need") is True)


def _lost_factor(written: dict[str, Any], lock: bool) -> LostFactor:
    return LostFactor(_person(written, lock, must_be_open=True))


def _person(written: dict[str, Any], lock: bool, *, must_be_open: bool) -> User:
    person = _one(User, written.get("person"), "person", lock)
    if must_be_open and not person.is_active:
        raise Impossible(f"The account of {visible(person.name)} is closed.")
    return person


def _one(model: type[models.Model], pk: object, called: str, lock: bool) -> Any:
    rows = model.objects.select_for_update(of=("self",), no_key=True) if lock else model.objects
    found = rows.filter(pk=pk).first() if isinstance(pk, int) else None
    if found is None:
        raise Impossible(f"There is no such {called} any more.")
    return found

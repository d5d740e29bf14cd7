"""Forgetting a customer: two administrators, one to ask and another to confirm."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals import erasing, finding
from approvals.commands.administrators import check_administrator
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed, managed
from approvals.events import Action
from approvals.models import OPEN, ApprovalRequest, Erasure
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.wording import listed, visible
from audit.models import Event
from audit.recorder import Target, record

MOST_NAMED = 5
ONLY_THEY = "have a customer forgotten"


def ask(*, customer: str, reason: str, by: User, at: datetime, key: str) -> Answer:
    """Raises a `Refusal`: for a customer without requests, or with one that is still open."""

    def act(person: Access) -> Changed:
        check_administrator(person, ONLY_THEY)
        name = required("customer", customer, "Name the customer.", longest=100)
        why = required("reason", reason, "Say why they are to be forgotten, without naming them.")
        count = _all_ended(name).count()
        found = Erasure.objects.create(customer=name, reason=why, asked_by=by, asked_at=at)
        _tell("ask", found, person, at, key, reason=why, requests=count)
        what = "1 request" if count == 1 else f"{count:,} requests"
        who = f"Another administrator confirms number {found.pk}."
        return Changed(found.pk, 1, f"{what} will be forgotten. {who}")

    arguments = {"customer": customer, "reason": reason}
    return managed(
        "ask", "customer", act, about="erasure", by=by, at=at, key=key, arguments=arguments
    )


def confirm(*, number: int, by: User, at: datetime, key: str) -> Answer:
    """By somebody else than who asked. Carry it out with `carry_out`."""

    def act(person: Access) -> Changed:
        check_administrator(person, ONLY_THEY)
        found = _waiting(number)
        if found.asked_by.person_key == person.person_key:
            raise NotAllowed(denied("same-person", "You asked for it: somebody else confirms it."))
        _all_ended(found.customer)
        found.confirmed_by, found.confirmed_at = by, at
        found.save()
        _tell("confirm", found, person, at, key)
        return Changed(found.pk, 2, f"Number {found.pk} is confirmed.")

    return managed("confirm", number, act, about="erasure", by=by, at=at, key=key)


def carry_out(*, number: int, at: datetime) -> int:
    """Forget what was confirmed, request by request; how many. Safe to repeat after a crash."""
    found = Erasure.objects.select_related("confirmed_by").get(pk=number)
    if found.confirmed_at is None:
        raise TransitionNotAllowed(f"Number {number} is not confirmed.")
    if found.done_at is not None:
        return found.count
    actor = found.confirmed_by.actor
    for item_id in _of(found.customer).values_list("pk", flat=True):
        erasing.forget(item_id, actor=actor, at=at, erasure=number)
    told = Event.objects.filter(action=Action.FORGET, facts__erasure=number, outcome="success")
    found.count = told.count()
    found.done_at, found.customer = at, ""
    found.save()
    return found.count


def is_interrupted(number: int) -> bool:
    """Confirmed, and stopped before its end: whoever confirms it again has it go on."""
    begun = Erasure.objects.filter(pk=number, confirmed_at__isnull=False, done_at=None)
    return begun.exists()


def _waiting(number: int) -> Erasure:
    found = Erasure.objects.select_for_update(of=("self",)).select_related("asked_by")
    found = found.filter(pk=number).first()
    if found is None:
        raise NotFound(str(number))
    if found.confirmed_at is not None:
        raise TransitionNotAllowed(f"Number {number} is confirmed already.")
    return found


def _of(customer: str) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(finding.of_customer(customer)).order_by("pk")


def _all_ended(customer: str) -> QuerySet[ApprovalRequest]:
    """Their requests. Raises `Invalid` while one is open, and where there is none."""
    theirs = _of(customer)
    still_open = list(theirs.filter(state__in=OPEN).values_list("ref", flat=True)[:MOST_NAMED])
    if still_open:
        verb = "is" if len(still_open) == 1 else "are"
        raise Invalid({"customer": f"{listed(still_open)} {verb} still open. End them first."})
    if not theirs.exists():
        raise Invalid({"customer": f"There is no request for “{visible(customer)}”."})
    return theirs


def _tell(
    verb: str,
    found: Erasure,
    person: Access,
    at: datetime,
    key: str,
    reason: str = "",
    **facts: int,
) -> None:
    record(
        stream=found.stream,
        action=f"erasure.{verb}",
        actor=person.actor,
        target=Target("erasure", str(found.pk)),
        at=at,
        reason=reason,
        facts=facts,
        key=key,
    )

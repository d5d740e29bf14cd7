"""Changing who may do what: taking away counts at once, giving waits for a second administrator."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from accounts.access import Access
from accounts.models import User
from approvals.commands.administrators import check_administrator
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed, managed
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from audit.recorder import Target, record
from rights.changes import Change, Impossible
from rights.models import LIVES, Proposal, ProposalState
from rights.reading import read_all
from rights.rules import may_accept

ABOUT = "access"
STREAM = "access"
MOST = 200
LONGEST_REASON = 2000


def propose(
    *, changes: Sequence[dict[str, Any]], reason: str, by: User, at: datetime, key: str
) -> Answer:
    """Ask for changes, written as `rights.changes` reads them.

    Where any of them gives something, all wait for another administrator: nobody is without what one
    of them takes while another is still to give it. The answer's `ref` is the proposal, or "done".
    """

    def act(person: Access) -> Changed:
        said = required("reason", reason, "Say why. Whoever reviews it reads this.")
        found = [change for change in _read(changes) if not change.is_so]
        if not found:
            raise Invalid({"changes": "It is so already. There is nothing to change."})
        if not any(change.widens for change in found):
            _carry_out(found, person, at, key, reason=said)
            return Changed("done", 1, "Done. It only takes away, so it counts at once.")
        proposal = Proposal.objects.create(
            changes=[change.written() for change in found],
            sentences=[change.sentence for change in found],
            reason=said,
            asked_by=by,
            asked_at=at,
        )
        _tell("propose", proposal, person, at, key)
        return Changed(proposal.pk, 1, "Asked for. Another administrator has to accept it.")

    arguments = {"changes": list(changes), "reason": reason}
    return _managed("propose", "rights", act, by=by, at=at, key=key, arguments=arguments)


def accept(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    """Carry it out. By somebody who did not ask for it and gains nothing by it themselves."""

    def act(person: Access) -> Changed:
        proposal = _open(pk)
        found = _read(proposal.changes)
        verdict = may_accept(found, proposal.asked_by.person_key, person)
        if not verdict:
            raise NotAllowed(verdict)
        if proposal.has_lapsed(at):
            raise TransitionNotAllowed(
                f"It was asked for more than {LIVES.days} days ago. Ask for it again."
            )
        _end(proposal, ProposalState.ACCEPTED, by, at)
        todo = [change for change in found if not change.is_so]
        _carry_out(todo, person, at, key, reason=proposal.reason, proposal=proposal.pk)
        return Changed(pk, 2, "Accepted. It counts from now on.")

    return _managed("accept", pk, act, by=by, at=at, key=key)


def refuse(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    return _ended("refuse", ProposalState.REFUSED, pk, "It is refused.", by=by, at=at, key=key)


def withdraw(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    """By who asked for it."""
    return _ended(
        "withdraw", ProposalState.WITHDRAWN, pk, "It is withdrawn.", by=by, at=at, key=key
    )


def _ended(
    verb: str, state: str, pk: int, sentence: str, *, by: User, at: datetime, key: str
) -> Answer:
    def act(person: Access) -> Changed:
        proposal = _open(pk)
        is_own = proposal.asked_by_id == by.pk
        if is_own != (verb == "withdraw"):
            raise TransitionNotAllowed(
                "You asked for it: withdraw it."
                if is_own
                else "Only who asked for it withdraws it."
            )
        _end(proposal, state, by, at)
        _tell(verb, proposal, person, at, key)
        return Changed(pk, 2, f"{sentence} Nothing changes.")

    return _managed(verb, pk, act, by=by, at=at, key=key)


def _managed(verb: str, target: str | int, act: Callable[[Access], Changed], **more: Any) -> Answer:
    return managed(
        verb,
        target,
        act,
        about=ABOUT,
        check=lambda person: check_administrator(person, "change who may do what"),
        **more,
    )


def _open(pk: int) -> Proposal:
    proposal = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("asked_by")
        .filter(pk=pk)
        .first()
    )
    if proposal is None:
        raise NotFound(str(pk))
    if proposal.state != ProposalState.OPEN:
        raise TransitionNotAllowed(f"It is {proposal.get_state_display().lower()} already.")
    return proposal


def _end(proposal: Proposal, state: str, by: User, at: datetime) -> None:
    proposal.state, proposal.ended_by, proposal.ended_at = state, by, at
    proposal.save()


def _read(written: Sequence[dict[str, Any]]) -> list[Change]:
    if len(written) > MOST:
        raise Invalid({"changes": f"Change at most {MOST} at a time."})
    try:
        return read_all(written, lock=True)
    except Impossible as impossible:
        raise Invalid({"changes": str(impossible)}) from impossible


def _carry_out(
    changes: Sequence[Change],
    person: Access,
    at: datetime,
    key: str,
    *,
    reason: str,
    proposal: int | None = None,
) -> None:
    """Each, with its event."""
    for change in changes:
        try:
            change.carry_out()
        except Impossible as impossible:
            raise Invalid({"changes": str(impossible)}) from impossible
    for change in changes:
        record(
            stream=STREAM,
            action=change.action,
            actor=person.actor,
            target=change.target,
            at=at,
            reason=reason,
            facts={**({"proposal": proposal} if proposal else {}), **change.facts},
            key=key,
        )


def _tell(
    verb: str,
    proposal: Proposal,
    person: Access,
    at: datetime,
    key: str,
) -> None:
    record(
        stream=STREAM,
        action=f"access.{verb}",
        actor=person.actor,
        target=Target("access", str(proposal.pk)),
        at=at,
        reason=proposal.reason,
        facts={"proposal": proposal.pk, "what": " ".join(proposal.sentences)[:2000]},
        key=key,
    )

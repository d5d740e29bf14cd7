"""What the sender does: start a report, fill it in, word it, send it, take it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts import access
from accounts.access import Access
from accounts.models import Team, User
from approvals import queries
from approvals.commands.frame import LONGEST_TEXT, Answer
from approvals.models import Queue
from approvals.refusals import Invalid, TransitionNotAllowed
from approvals.rules import may, visible_to
from approvals.wording import short_name
from handoffs import changes, filling
from handoffs.commands.frame import Running, check_draft, cleaned, managed
from handoffs.filling import LONGEST_WORDS
from handoffs.models import Handoff, HandoffState, Line, Section
from handoffs.rules import may_receive, told_of

LONGEST_SHIFT = timedelta(hours=24)
NEAR = timedelta(hours=24)  # how far from now a shift may end


@dataclass(frozen=True)
class Words:
    """About one line: what is next, what to do if it is still so, and the account it is meant for."""

    next_step: str = ""
    condition: str = ""
    to: int | None = None


@dataclass(frozen=True)
class Typed:
    """What the sender wrote into the report. `lines`: by id of the line. `nones`: sections."""

    note: str = ""
    nones: tuple[str, ...] = ()
    lines: Mapping[int, Words] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "note": self.note,
            "nones": sorted(self.nones),
            "lines": {str(pk): vars(words) for pk, words in self.lines.items()},
        }


class EmptySections(Invalid):
    """The report cannot be sent: of these sections it says nothing, not even “None”."""

    def __init__(self, sections: list[Section]) -> None:
        super().__init__(
            {
                f"none_{section.value}": f"“{section.label}” is empty. Tick “None” if there is nothing."
                for section in sections
            }
        )


def start_handoff(
    *,
    by: User,
    at: datetime,
    key: str,
    team: int,
    to: int,
    shift_from: datetime,
    shift_to: datetime,
) -> Answer:
    """A draft that is filled in. `team`: one of the sender's own; `to`: the receiver's account."""

    def act(running: Running) -> tuple[Handoff, str]:
        _check_shift(shift_from, shift_to, at)
        receiver = _receiver(to, running.access)
        handoff = Handoff(
            team=_team(team, running.access),
            sender=by,
            receiver=receiver,
            shift_from=shift_from,
            shift_to=shift_to,
            created_at=at,
        )
        them = access.of(receiver, Queue)
        queues = told_of(running.access, them)
        lines = _filled_in(handoff, queues, running.access, them, at)
        handoff.save()
        handoff.queues.set(queues)
        Line.objects.bulk_create(lines)
        changes.tell(
            handoff,
            "handoff.start",
            actor=running.access.actor,
            at=at,
            facts={"to": receiver.name, "lines": len(lines)},
            key=running.key,
        )
        return handoff, "The draft is filled in. Nobody else can see it yet."

    arguments = {
        "team": team,
        "to": to,
        "shift_from": shift_from.isoformat(),
        "shift_to": shift_to.isoformat(),
    }
    return managed("start", "new", act, by=by, at=at, key=key, arguments=arguments)


def save_draft(
    *, handoff_id: int, by: User, at: datetime, key: str, typed: Typed, version: int | None = None
) -> Answer:
    """Keep what was typed."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = _draft(running, handoff_id, version)
        _write(handoff, typed)
        running.commit(handoff, "handoff.save")
        return handoff, "The draft is saved."

    return _on_draft("save", handoff_id, act, by=by, at=at, key=key, typed=typed)


def fill_again(
    *, handoff_id: int, by: User, at: datetime, key: str, typed: Typed, version: int | None = None
) -> Answer:
    """Fill the draft in as things stand now; words about requests that stay are kept."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = _draft(running, handoff_id, version)
        _write(handoff, typed)
        lines = _filled_in_again(handoff, running, at)
        running.commit(handoff, "handoff.fill", facts={"lines": len(lines)})
        return handoff, "The draft is filled in as things stand now. What you wrote is kept."

    return _on_draft("fill", handoff_id, act, by=by, at=at, key=key, typed=typed)


def send_handoff(
    *, handoff_id: int, by: User, at: datetime, key: str, typed: Typed, version: int | None = None
) -> Answer:
    """Freeze how each request stands, and leave it to the receiver. Raises `EmptySections`."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = _draft(running, handoff_id, version)
        them = access.of(handoff.receiver, Queue)
        if not may_receive(them, running.access):
            raise Invalid({"": f"{handoff.receiver.name} cannot receive it any more."})
        _write(handoff, typed)
        handoff.state, handoff.sent_at = HandoffState.SENT, at
        _check_complete(handoff, running.access)
        sent = _freeze(handoff, running.access, them, at)
        facts = {"to": handoff.receiver.name, "to_id": handoff.receiver_id, "lines": sent}
        running.commit(handoff, "handoff.send", facts=facts)
        return handoff, f"Sent to {short_name(handoff.receiver.name)}, who answers each request."

    return _on_draft("send", handoff_id, act, by=by, at=at, key=key, typed=typed)


def withdraw_handoff(
    *, handoff_id: int, by: User, at: datetime, key: str, version: int | None = None
) -> Answer:
    """The sender takes it back, until the first answer. A draft is put aside the same way."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = running.locked(handoff_id, version)
        running.check_is_sender(handoff)
        if handoff.state not in (HandoffState.DRAFT, HandoffState.SENT):
            raise TransitionNotAllowed(
                f"This handoff is {handoff.get_state_display().lower()} already. "
                "Nothing was recorded."
            )
        if handoff.lines.exclude(answer="").exists():
            raise TransitionNotAllowed(
                f"{handoff.receiver.name} has begun to answer, so it cannot be withdrawn."
            )
        handoff.state, handoff.ended_at = HandoffState.WITHDRAWN, at
        running.commit(handoff, "handoff.withdraw")
        if handoff.sent_at is None:
            return handoff, "The draft is discarded. Nobody else saw it."
        return handoff, "The handoff is withdrawn. No request has another owner because of it."

    return managed("withdraw", handoff_id, act, by=by, at=at, key=key)


# --- Shared --------------------------------------------------------------------------------------


def _on_draft(verb: str, handoff_id: int, act: Any, *, typed: Typed, **said: Any) -> Answer:
    return managed(verb, handoff_id, act, arguments=typed.arguments, **said)


def _draft(running: Running, handoff_id: int, version: int | None) -> Handoff:
    handoff = running.locked(handoff_id, version)
    running.check_is_sender(handoff)
    check_draft(handoff)
    return handoff


def _check_shift(shift_from: datetime, shift_to: datetime, at: datetime) -> None:
    if shift_to <= shift_from:
        raise Invalid({"shift_to": "The shift must end after it begins."})
    if shift_to - shift_from > LONGEST_SHIFT:
        raise Invalid({"shift_to": "A shift can have 24 hours at most."})
    if abs(shift_to - at) > NEAR:
        raise Invalid({"shift_to": "The shift must end within a day of now."})


def _team(pk: int, sender: Access) -> Team:
    found = Team.objects.filter(pk=pk).first() if pk in sender.teams else None
    if found is None:
        raise Invalid({"team": "Choose one of your teams."})
    return found


def _receiver(pk: int, sender: Access) -> User:
    found = User.objects.filter(pk=pk).first()
    if found is None or not may_receive(access.of(found, Queue), sender):
        raise Invalid({"to": "Choose a person of operations who is not you."})
    return found


def _filled_in(
    handoff: Handoff, queues: list[int], sender: Access, receiver: Access, at: datetime
) -> list[Line]:
    """Fill in the report as things stand at `at`; its lines, which are not saved."""
    chosen = filling.choose(sender, receiver, queues, at)
    handoff.left_out = chosen.left_out
    handoff.changed = filling.changes(handoff.shift_from, min(handoff.shift_to, at), queues)
    handoff.filled_at = at
    return filling.lines(chosen, handoff, at)


def _filled_in_again(handoff: Handoff, running: Running, at: datetime) -> list[Line]:
    """The same for a draft, with its lines saved. The words about requests that stay are kept."""
    them = access.of(handoff.receiver, Queue)
    queues = list(handoff.queues.values_list("pk", flat=True))
    before = {line.item_id: line for line in handoff.lines.filter(section=Section.RISKY)}
    lines = _filled_in(handoff, queues, running.access, them, at)
    for line in lines:
        kept = before.get(line.item_id)
        if kept is not None and line.section == Section.RISKY:
            line.next_step, line.condition, line.to = kept.next_step, kept.condition, kept.to
    handoff.lines.all().delete()
    return Line.objects.bulk_create(lines)


def _write(handoff: Handoff, typed: Typed) -> None:
    """Put what was typed into the draft. Raises `Invalid`."""
    unknown = set(typed.nones) - set(Section.values)
    if unknown:
        raise Invalid({"": f"There is no section {sorted(unknown)[0][:40]}."})
    handoff.note = cleaned("note", typed.note, longest=LONGEST_TEXT)
    handoff.nones = [section for section in Section.values if section in typed.nones]
    risky = {line.pk: line for line in handoff.lines.filter(section=Section.RISKY)}
    if set(typed.lines) - set(risky):
        raise Invalid({"": "One of these requests is not in the draft any more. Reload it."})
    for pk, words in typed.lines.items():
        line = risky[pk]
        line.next_step = _on_one_line(f"next_{pk}", words.next_step)
        line.condition = _on_one_line(f"if_{pk}", words.condition)
        line.to = _meant_for(line, words.to)
    Line.objects.bulk_update(risky.values(), ["next_step", "condition", "to"])


def _on_one_line(field: str, text: str) -> str:
    return " ".join(cleaned(field, text, longest=LONGEST_WORDS).split())


def _meant_for(line: Line, pk: int | None) -> User | None:
    """An active account that can own the request; None means the receiver."""
    if pk is None:
        return None
    found = User.objects.filter(pk=pk, is_active=True).first()
    if found is None or not may("own", line.item, access.of(found, Queue)):
        raise Invalid({f"to_{line.pk}": "Choose a person who operates its queue."})
    return found


def _check_complete(handoff: Handoff, sender: Access) -> None:
    """Every section has an entry or an explicit “None”; what is risky says what is next."""
    done = filling.done_in(handoff, sender).count()
    lines = list(handoff.lines.all())
    empty = filling.empty_sections(
        handoff, [line.section for line in lines], done, note=handoff.note
    )
    if missing := [section for section in empty if section.value not in handoff.nones]:
        raise EmptySections(missing)
    handoff.nones = [section.value for section in empty]
    for line in lines:
        if line.section == Section.RISKY and not line.next_step:
            raise Invalid({f"next_{line.pk}": f"Write what is next for {line.item.ref}."})
        if line.section == Section.RISKY and not line.condition:
            raise Invalid(
                {f"if_{line.pk}": f"Write what to do if {line.item.ref} is still so later."}
            )


def _freeze(handoff: Handoff, sender: Access, receiver: Access, at: datetime) -> int:
    """How each request stands at the moment of sending; how many lines there are."""
    lines = list(handoff.lines.all())
    both_see = (
        queries.requests()
        .filter(visible_to(sender), pk__in=[line.item_id for line in lines])
        .filter(visible_to(receiver))
    )
    items = {item.pk: item for item in both_see}
    if len(items) < len(lines):
        raise Invalid({"": "One of you no longer sees every request of it. Fill it in again."})
    waiting = queries.explained(list(items.values()), at)
    for line in lines:
        filling.show_as(line, items[line.item_id], waiting[line.item_id])
    Line.objects.bulk_update(lines, ["title", "label", "tone", "sentence", "owner"])
    return len(lines)

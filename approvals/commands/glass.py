"""Breaking the glass: deciding in an emergency without a seat, and the second look afterwards."""

from datetime import timedelta

from approvals.commands.frame import Running, command, required
from approvals.events import Action
from approvals.models import BreakGlass, State
from approvals.refusals import Invalid, TransitionNotAllowed
from approvals.wording import clock, short_name

MINUTES = (15, 60, 240)


@command("break_glass", phrase="break the glass for it", from_states=[State.PENDING])
def break_glass(running: Running, *, reason: str, minutes: int) -> None:
    """Be able to decide this request for a while. Leads and auditors are told at once."""
    item = running.item
    running.check_allowed()
    why = required("reason", reason, "Say what the emergency is. Auditors read it.")
    if minutes not in MINUTES:
        raise Invalid({"minutes": "Choose 15 minutes, 1 hour or 4 hours."})
    if item.glass_by is not None:
        who, until = short_name(item.glass_by.name), clock(item.glass_until, running.at)
        raise TransitionNotAllowed(f"{who} broke the glass already, until {until}.")
    until = running.at + timedelta(minutes=minutes)
    BreakGlass.objects.create(
        item=item,
        revision=item.revision,
        opened_by=running.by,
        person_key=running.access.person_key,
        reason=why,
        opened_at=running.at,
        until=until,
    )
    running.commit(
        Action.BREAK_GLASS,
        sentence=f"You can decide {item.ref} until {clock(until, running.at)}. Leads and auditors "
        "are told, and somebody else has to look at it afterwards.",
        reason=why,
        facts={"minutes": minutes},
        glass_by=running.by,
        glass_key=running.access.person_key,
        glass_until=until,
        look_due=True,
    )


@command("second_look", from_states=[state for state in State if state != State.NEW])
def second_look(running: Running, *, reason: str) -> None:
    """Somebody else says what they think of it, once it is over."""
    item = running.item
    running.check_allowed()
    finding = required("reason", reason, "Write what you looked at and what you found.")
    if item.glass_by is not None and item.glass_until > running.at:
        raise TransitionNotAllowed(
            f"It is open until {clock(item.glass_until, running.at)}; look at it afterwards."
        )
    waiting = list(item.glass_breaks.filter(looked_at=None))
    if any(one.person_key == running.access.person_key for one in waiting):
        raise TransitionNotAllowed("You broke the glass yourself; somebody else looks at it.")
    for one in waiting:
        one.looked_by, one.looked_at, one.finding = running.by, running.at, finding
        one.save()
    running.commit(
        Action.SECOND_LOOK,
        sentence=f"Your second look at {item.ref} is recorded.",
        reason=finding,
        look_due=False,
        glass_by=None,
        glass_until=None,
        glass_key=None,
    )

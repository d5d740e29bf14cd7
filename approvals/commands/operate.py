"""Keeping requests moving: whose it is, and what the next person should know."""

from approvals.commands.frame import Running, command, required
from approvals.events import Action
from approvals.models import OPEN, Note, State


@command("claim", from_states=OPEN)
def claim(running: Running) -> None:
    """Make it yours, so that nobody else looks at it at the same time."""
    running.check_allowed()
    before = running.item.owner
    running.commit(
        Action.CLAIM,
        sentence=f"{running.item.ref} is yours.",
        changes=[
            {
                "field": "Owner",
                "before": before.name if before else "",
                "after": running.access.name,
            }
        ],
        owner=running.by,
    )


@command("release", from_states=OPEN)
def release(running: Running) -> None:
    """Make it nobody's, so that others know it is free."""
    running.check_allowed()
    before = running.item.owner
    running.commit(
        Action.RELEASE,
        sentence=f"{running.item.ref} is free for others.",
        changes=[{"field": "Owner", "before": before.name, "after": ""}],
        owner=None,
    )


@command("note", from_states=[state for state in State if state != State.NEW])
def note(running: Running, *, reason: str) -> None:
    """Leave a note. What is approved, and what was approved, stays as it is."""
    running.check_allowed()
    text = required("reason", reason, "Write the note.")
    Note.objects.create(item=running.item, author=running.by, text=text, written_at=running.at)
    running.commit(Action.NOTE, sentence="Your note is added.", reason=text)

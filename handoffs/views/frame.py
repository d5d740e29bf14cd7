"""What every page of handoffs shares: who may see it, one handoff, and how it is described."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from approvals.commands.frame import Answer
from approvals.queries import leads_of
from approvals.refusals import Refusal
from approvals.views import errors
from approvals.views.frame import reader, whole
from approvals.wording import clock, listed, short_name, visible
from handoffs import lateness, queries
from handoffs.models import Handoff, HandoffState
from handoffs.rules import may_read_some

TONES = {
    HandoffState.DRAFT: "neutral",
    HandoffState.SENT: "waiting",
    HandoffState.DONE: "done",
    HandoffState.WITHDRAWN: "neutral",
}


def check_reader(request: HttpRequest) -> None:
    """For people without a queue to see, these pages do not exist."""
    if not may_read_some(reader(request)):
        raise Http404


def found(request: HttpRequest, pk: int) -> Handoff:
    """The handoff, for who may read it. Raises `Http404`."""
    handoff = queries.find(pk, reader(request))
    if handoff is None:
        raise Http404(str(pk))
    return handoff


def url_of(handoff_id: int | str) -> str:
    return f"/handoff/{handoff_id}/"


def version_seen(request: HttpRequest) -> int | None:
    return whole(request.POST.get("version"))


def refused(request: HttpRequest, refusal: Refusal, pk: int, *, kept: str = "") -> HttpResponse:
    return errors.refused(
        request, refusal, ref=f"handoff {pk}", back=url_of(pk), kept_text=visible(kept)[:2000]
    )


def ended_well(request: HttpRequest, answer: Answer) -> HttpResponse:
    """To the page of the handoff, which says what was done; what was done before says that."""
    sentence = answer.sentence
    if answer.is_replay:
        sentence = f"Already recorded: {sentence} Nothing was done twice."
    messages.success(request, sentence, extra_tags="done")
    return redirect(url_of(answer.ref))


def carried_out(request: HttpRequest, pk: int, command: Callable[[], Answer]) -> HttpResponse:
    """Run a command that ends on the page of the handoff, or the page that says why it did not."""
    try:
        return ended_well(request, command())
    except Refusal as refusal:
        return refused(request, refusal, pk)


# --- How it is described -------------------------------------------------------------------------


def heading(handoff: Handoff) -> str:
    return f"{visible(handoff.team.name)} to {visible(handoff.receiver.name)}"


def status(handoff: Handoff, now: datetime) -> dict:
    if lateness.is_late(handoff, now):
        return {"label": "Late", "tone": "failed"}
    state = HandoffState(handoff.state)
    if state == HandoffState.SENT:
        who = short_name(visible(handoff.receiver.name))
        return {"label": f"Waiting for {who}", "tone": TONES[state]}
    return {"label": state.label, "tone": TONES[state]}


def sentence(handoff: Handoff, now: datetime) -> str:
    """How far it is, and what is next."""
    who = visible(handoff.receiver.name)
    if handoff.state == HandoffState.DRAFT:
        return f"Only you can see it. {who} gets it when you send it."
    if handoff.state == HandoffState.WITHDRAWN and handoff.sent_at is None:
        return "This draft was discarded. Nobody else saw it."
    if handoff.state == HandoffState.WITHDRAWN:
        return "It was taken back. No request has another owner because of it."
    if handoff.state == HandoffState.DONE:
        return f"{who} has answered all of it." if handoff.count else f"{who} has read it."
    if lateness.is_late(handoff, now):
        by = clock(handoff.due_at, now)
        return f"{_how_far(handoff)} All should be answered by {by}. {_speak_to(handoff)}"
    return f"{_how_far(handoff)} {who} has until {clock(handoff.due_at, now)}."


def _how_far(handoff: Handoff) -> str:
    if not handoff.count:
        return "It is not read yet."
    if handoff.unanswered == handoff.count:
        return f"None of {handoff.count} answered yet."
    return f"{handoff.count - handoff.unanswered} of {handoff.count} answered."


def _speak_to(handoff: Handoff) -> str:
    """A lead, or who sent it when the only lead is the one who does not answer."""
    leads = leads_of(handoff.team_id).exclude(pk=handoff.receiver_id)
    names = [visible(lead.name) for lead in leads]
    if not names:
        return f"Speak to {visible(handoff.sender.name)}, who sent it."
    return f"Speak to {listed(names, last='or')}, lead of {visible(handoff.team.name)}."


def span(handoff: Handoff, now: datetime) -> str:
    """“05:00 to 13:00 UTC”, with the day where it is not today."""
    begins, ends = handoff.shift_from.astimezone(UTC), handoff.shift_to.astimezone(UTC)
    until = f"{ends:%H:%M} UTC" if begins.date() == ends.date() else clock(ends, now)
    return f"{clock(begins, now).removesuffix(' UTC')} to {until}"


def local_span(handoff: Handoff, person: User) -> str:
    """The same hours on the clock of one of the two, “” for a clock that shows UTC."""
    begins, ends = (at.astimezone(person.zone) for at in (handoff.shift_from, handoff.shift_to))
    if begins.utcoffset() == begins.astimezone(UTC).utcoffset():
        return ""
    return f"{begins:%H:%M} to {ends:%H:%M} {person.place}"

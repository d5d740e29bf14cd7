"""Starting a handoff: between whom, and of which hours."""

from datetime import UTC, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import hours
from accounts.models import Team
from approvals.forms import add_errors
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import form_key, reader
from handoffs import queries
from handoffs.commands.drafting import start_handoff
from handoffs.forms import StartForm
from handoffs.rules import may_hand_over
from handoffs.views import frame

USUAL_SHIFT = timedelta(hours=8)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    if not may_hand_over(reader(request)):
        raise Http404
    if request.method != "POST":
        return _page(request, _form(request))
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        answer = start_handoff(
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            **form.cleaned_data,
        )
    except Invalid as invalid:
        add_errors(form, invalid)
        return _page(request, form, status=422)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="handoff", back="/handoff/")
    return frame.ended_well(request, answer)


def _form(request: HttpRequest, data: object = None) -> StartForm:
    person, now = reader(request), timezone.now()
    teams = list(queries.teams_of(person))
    begins, ends = _usual_hours(teams, now)
    return StartForm(
        data,
        teams=teams,
        people=queries.receivers(person),
        zone_note=_zone_note(request, now),
        initial={"shift_from": begins, "shift_to": ends},
    )


def _usual_hours(teams: list[Team], now: datetime) -> tuple[datetime, datetime]:
    """Up to the end of the team's day, or the eight hours that end now."""
    quarter = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    ends = next((end for team in teams if (end := hours.closes(team, now))), quarter)
    begins = (
        min(ends, quarter) - USUAL_SHIFT if ends - USUAL_SHIFT > quarter else ends - USUAL_SHIFT
    )
    return begins.astimezone(UTC), ends.astimezone(UTC)


def _zone_note(request: HttpRequest, now: datetime) -> str:
    local = now.astimezone(request.user.zone)
    utc = f"{now.astimezone(UTC):%H:%M} UTC"
    if local.utcoffset() == timedelta(0):
        return f"It is {utc} now."
    return f"It is {utc} now, {local:%H:%M} in {request.user.place}."


def _page(request: HttpRequest, form: StartForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "key": form_key(request),
        "why_not": _why_not(form),
    }
    return render(request, "handoffs/new.html", context, status=status)


def _why_not(form: StartForm) -> str:
    if not form.fields["team"].choices:
        return "You are in no team. An administrator can put you into the one whose shift you hand over."
    if len(form.fields["to"].choices) == 1:
        return "Nobody else operates your queues, so there is nobody to hand over to."
    return ""

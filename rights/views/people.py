"""People: the list, what one of them may do through which grant, and why they can't do something."""

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, second_factor
from accounts.models import Ceiling, Cover, Membership, Team, User
from approvals import queries as requests_of
from approvals.models import Queue
from approvals.refusals import Refusal
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import new_key, reader, whole, with_query
from approvals.views.verbs import VERBS, offers
from approvals.wording import clock, is_storable, listed, money, visible
from rights import queries
from rights.changes import Seat
from rights.commands import ending
from rights.forms import AddressForm, SearchForm, SeatForm, WhyForm
from rights.views import frame
from rights.words import RIGHTS

PAGE = 50


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    frame.administrator(request)
    search = visible(request.GET.get("q", ""))[:100].strip()
    start = whole(request.GET.get("from")) or 0
    found = list(queries.people(search)[start : start + PAGE + 1])
    context = {
        "people": [_line(person) for person in found[:PAGE]],
        "filter_form": SearchForm(request.GET),
        "filter_label": "Search people",
        "empty": {"sentence": "Nobody is called so."},
        "first_url": with_query(request, **{"from": None}) if start else "",
        "next_url": with_query(request, **{"from": str(start + PAGE)}) if len(found) > PAGE else "",
    }
    return render(request, "rights/people.html", context)


def _line(person: User) -> dict[str, Any]:
    return {
        "name": visible(person.name),
        "email": visible(person.email),
        "url": f"/people/{person.pk}/access/",
        "teams": listed([visible(seat.group.name) for seat in person.memberships.all()]),
        "notes": _notes(person),
    }


def _notes(person: User) -> list[str]:
    found = []
    if not person.is_active:
        found.append("Account closed")
    if person.is_service:
        found.append("Program")
    if person.is_staff:
        found.append("Administrator")
    return found


# --- One person -------------------------------------------------------------------------------------


@require_GET
def person(request: HttpRequest, pk: int) -> HttpResponse:
    shown, now = frame.found_person(request, pk), timezone.now()
    seats = list(shown.memberships.all())
    ceilings = {one.team_id: money(one.amount, one.currency) for one in shown.ceilings.all()}
    mine, teams = {seat.group_id for seat in seats}, queries.teams()
    context = {
        "name": visible(shown.name),
        "number": pk,
        "email": visible(shown.email),
        "notes": _notes(shown),
        "facts": _facts(shown, now),
        "seats": [_seat(seat, ceilings) for seat in seats],
        "teams": [(team.pk, visible(team.name)) for team in teams if team.pk not in mine],
        "queues": _queues(shown, teams),
        "covers": _covers(shown, now),
        "is_administrator": shown.is_staff,
        "end_sessions": {"key": new_key()},
        "send_link": {"key": new_key()},
        "sends_mail": settings.SENDS_MAIL and shown.is_active,
        "is_program": shown.is_service,
        "verbs": [(verb, _verb(verb)) for verb in VERBS],
        **_asked(request, shown, now),
    }
    return render(request, "rights/person.html", context)


def _verb(verb: str) -> str:
    return verb.replace("_", " ").capitalize()


def _facts(shown: User, now: datetime) -> list[dict[str, str]]:
    twins = User.objects.filter(person_key=shown.person_key).exclude(pk=shown.pk).order_by("email")
    same = ", ".join(visible(twin.email) for twin in twins)
    tokens = [token for token in shown.tokens.all() if token.is_live(now)]
    signed_in = clock(shown.last_login, now) if shown.last_login else "Never"
    found = [
        {"label": "Last sign-in", "value": signed_in},
        {"label": "Second factor", "value": _factors(shown)},
        {"label": "Tokens of the API", "value": _tokens(tokens) or "None"},
    ]
    if same:
        found.append({"label": "The same person", "value": f"{same}. Together they count once."})
    return found


def _factors(shown: User) -> str:
    rows = Authenticator.objects.filter(user=shown, type__in=second_factor.FACTORS)
    kinds = sorted({one.get_type_display() for one in rows})
    return listed(kinds) or "None"


def _tokens(tokens: list) -> str:
    return "; ".join(f"{visible(token.name)} ({', '.join(token.scopes)})" for token in tokens)


def _seat(seat: Membership, ceilings: dict[int, str]) -> dict[str, str]:
    return {
        "team": visible(seat.group.name),
        "as": Seat.of(seat).in_words,
        "ceiling": ceilings.get(seat.group_id, ""),
        "url": f"/people/{seat.user_id}/seats/{seat.group_id}/",
    }


def _queues(shown: User, teams: list[Team]) -> list[dict[str, Any]]:
    """By queue, what they may do and through what; queues where they may nothing are left out."""
    found: dict[int, dict[str, Any]] = {}
    for way in queries.ways_of(shown, teams):
        queue = found.setdefault(
            way.queue.pk, {"name": visible(way.queue.name), "rights": {}, "slug": way.queue.slug}
        )
        queue["rights"].setdefault(way.right, []).append(visible(way.through))
    return [
        {
            "name": queue["name"],
            "rights": [
                {
                    "phrase": RIGHTS[right].phrase,
                    "url": f"/access/queues/{queue['slug']}/{right}/",
                    "through": listed(through),
                }
                for right, through in queue["rights"].items()
            ],
        }
        for queue in found.values()
    ]


def _covers(shown: User, now: datetime) -> list[str]:
    running = Cover.objects.filter(Cover.running(now), by=shown).select_related("person")
    return [
        f"in the place of {visible(cover.person.name)} until {clock(cover.ends_at, now)}, on "
        f"{listed([visible(queue.name) for queue in cover.queues.all()])}"
        for cover in running.prefetch_related("queues")
    ]


# --- Why can't they? --------------------------------------------------------------------------------


def _asked(request: HttpRequest, shown: User, now: datetime) -> dict[str, Any]:
    """May they do this verb with that request now? The words are those that they are told."""
    ref, verb = (
        visible(request.GET.get("request", "")).strip().upper()[:20],
        request.GET.get("verb"),
    )
    if not ref or verb not in VERBS:
        return {"ref": ref, "verb": verb}
    item = requests_of.find(ref, reader(request)) if is_storable(ref) else None
    if item is None:
        return {"ref": ref, "verb": verb, "answer": f"There is no request {ref} that you can see."}
    verdict = may(verb, item, access.of(shown, Queue, at=now))
    if not verdict:
        answer = f"No. {visible(shown.name)} is told: “{verdict.sentence}”"
    elif offers(verb, item):
        answer = "Yes."
    else:
        state = item.get_state_display().lower()
        answer = f"They would be allowed to, but {ref} is {state} now: nobody can."
    return {"ref": ref, "verb": verb, "answer": answer, "answer_url": f"/requests/{ref}/"}


# --- Changing it ------------------------------------------------------------------------------------


@require_GET
def choose_team(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the choice of a team leads."""
    frame.found_person(request, pk)
    team = whole(request.GET.get("team"))
    if team is None:
        return redirect("person_access", pk=pk)
    return redirect("seat", pk=pk, team=team)


@require_http_methods(["GET", "HEAD", "POST"])
def seat(request: HttpRequest, pk: int, team: int) -> HttpResponse:
    shown, of = frame.found_person(request, pk), get_object_or_404(Team, pk=team)
    if request.method != "POST":
        row = Membership.objects.filter(user=shown, group=of).first()
        ceiling = Ceiling.objects.filter(user=shown, team=of).first()
        form = SeatForm(initial=SeatForm.initial_of(row, ceiling))
        return _seat_page(request, shown, of, form)
    form = SeatForm(request.POST)
    if not form.is_valid():
        return _seat_page(request, shown, of, form, status=422)
    return frame.check_page(
        request,
        form.written(pk, of),
        reason=form.cleaned_data["reason"],
        back=f"/people/{pk}/access/",
    )


def _seat_page(
    request: HttpRequest, shown: User, of: Team, form: SeatForm, *, status: int = 200
) -> HttpResponse:
    title = f"{visible(shown.name)} in {visible(of.name)}"
    return _form_page(request, shown, title, form, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def administration(request: HttpRequest, pk: int) -> HttpResponse:
    """Make somebody an administrator, or no longer."""
    shown = frame.found_person(request, pk)
    if shown.is_service:
        raise Http404(str(pk))
    ends = "is no administrator any more" if shown.is_staff else "becomes an administrator"
    title, form = f"{visible(shown.name)} {ends}", WhyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form_page(
            request, shown, title, form, status=422 if request.method == "POST" else 200
        )
    written = {"what": "administrator", "person": pk, "give": not shown.is_staff}
    return frame.check_page(
        request, [written], reason=form.cleaned_data["reason"], back=f"/people/{pk}/access/"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def address(request: HttpRequest, pk: int) -> HttpResponse:
    """Another address to sign in with."""
    shown = frame.found_person(request, pk)
    title, form = f"{visible(shown.name)} signs in otherwise", AddressForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form_page(
            request, shown, title, form, status=422 if request.method == "POST" else 200
        )
    written = {"what": "address", "person": pk, "address": form.cleaned_data["address"]}
    return frame.check_page(
        request, [written], reason=form.cleaned_data["reason"], back=f"/people/{pk}/access/"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def lost_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a second factor that is lost."""
    shown = frame.found_person(request, pk)
    title = f"{visible(shown.name)} lost the second factor"
    form = WhyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form_page(
            request, shown, title, form, status=422 if request.method == "POST" else 200
        )
    written = {"what": "lost_factor", "person": pk}
    return frame.check_page(
        request, [written], reason=form.cleaned_data["reason"], back=f"/people/{pk}/access/"
    )


@require_POST
def end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    frame.found_person(request, pk)
    key = request.POST.get("idempotency_key", "")
    try:
        answer = ending.end_sessions(pk=pk, by=request.user, at=timezone.now(), key=key)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="sessions", back=f"/people/{pk}/access/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("person_access", pk=pk)


def _form_page(
    request: HttpRequest, shown: User, title: str, form: WhyForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "title": title,
        "form": form,
        "back_url": f"/people/{shown.pk}/access/",
        "back_label": visible(shown.name),
    }
    return render(request, "rights/form.html", context, status=status)

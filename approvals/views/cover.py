"""Cover: who decides in whose place, and until when."""

from datetime import date, datetime, time, timedelta

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Cover, User
from approvals import queries
from approvals.commands.cover import end_cover, set_cover
from approvals.forms import CoverForm, add_errors
from approvals.refusals import Invalid, Refusal
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import form_key, new_key, reader
from approvals.wording import listed, visible


@require_http_methods(["GET", "HEAD", "POST"])
def cover(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, _form(request))
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        answer = set_cover(
            person=form.cleaned_data["person"],
            deputy=form.cleaned_data["deputy"],
            queues=form.cleaned_data["queues"],
            **_period(request.user, form.cleaned_data["starts"], form.cleaned_data["ends"]),
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        add_errors(form, invalid)
        return _page(request, form, status=422)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="cover", back="/me/cover/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("cover")


@require_POST
def end(request: HttpRequest, number: int) -> HttpResponse:
    try:
        answer = end_cover(
            cover=number,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="cover", back="/me/cover/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("cover")


def _period(user: User, starts: date, ends: date) -> dict[str, datetime]:
    """From the beginning of the first day to the end of the last, where the person lives."""
    return {
        "starts_at": datetime.combine(starts, time(), tzinfo=user.zone),
        "ends_at": datetime.combine(ends + timedelta(days=1), time(), tzinfo=user.zone),
    }


def _form(request: HttpRequest, data: object = None) -> CoverForm:
    person = reader(request)
    today = timezone.now().astimezone(request.user.zone).date()
    return CoverForm(
        data,
        me=request.user,
        people=queries.led_by(person),
        deputies=queries.may_cover(person),
        queues=queries.queues_decided_by(person),
        initial={"person": request.user.pk, "starts": today, "ends": today},
    )


def _page(request: HttpRequest, form: CoverForm, *, status: int = 200) -> HttpResponse:
    now, person = timezone.now(), reader(request)
    seen = Q(person=request.user) | Q(by=request.user) | Q(person__in=queries.led_by(person))
    found = (
        Cover.objects.filter(seen, ends_at__gt=now - timedelta(days=30))
        .select_related("person", "by", "set_by")
        .prefetch_related("queues", "person__memberships")
        .distinct()
        .order_by("-starts_at", "-id")[:50]
    )
    context = {
        "form": form,
        "can_set": bool(form.fields["queues"].choices),
        "covers": [_line(one, person, now) for one in found],
        "key": form_key(request),
    }
    return render(request, "accounts/cover.html", context, status=status)


def _line(one: Cover, person: object, now: datetime) -> dict:
    has_ended = one.ended_at is not None or one.ends_at <= now
    state = "Ended" if has_ended else "Running" if one.starts_at <= now else "Planned"
    can_end = not has_ended and (
        one.by_id == person.user_id or bool(may("cover", one.person, person))
    )
    return {
        "who": f"{visible(one.by.name)} for {visible(one.person.name)}",
        "queues": listed([visible(queue.name) for queue in one.queues.all()]),
        "starts_at": one.starts_at,
        "ends_at": one.ended_at or one.ends_at,
        "state": {
            "label": state,
            "tone": {"Ended": "neutral", "Running": "done", "Planned": "waiting"}[state],
        },
        "set_by": visible(one.set_by.name),
        "end_url": f"/me/cover/{one.pk}/end/" if can_end else "",
        "end_key": new_key(),
    }

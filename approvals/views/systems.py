"""The switch of each outside system: running, held by a person, or paused by its breaker."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from approvals import kinds, queries
from approvals.causes import cause as cause_of
from approvals.commands.systems import hold_system, resume_system
from approvals.forms import ReasonForm, add_errors
from approvals.models import ApprovalRequest, State, System
from approvals.refusals import Invalid, NotAllowed, Refusal
from approvals.rules import SEEING, may
from approvals.views import errors
from approvals.views.frame import form_key, reader
from approvals.wording import short_name, visible

WAITING = (State.APPROVED, State.RETRYING)


@require_GET
def systems(request: HttpRequest) -> HttpResponse:
    _check_sees(request)
    rows = {row.slug: row for row in System.objects.select_related("held_by")}
    waiting = _waiting(request)
    shown = [
        _described(request, slug, rows.get(slug) or System(slug=slug, name=name), waiting)
        for slug, name in kinds.systems().items()
    ]
    return render(request, "approvals/systems.html", {"systems": shown})


@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: HttpRequest, slug: str) -> HttpResponse:
    return _switch(request, slug, "hold")


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    return _switch(request, slug, "resume")


def _check_sees(request: HttpRequest) -> None:
    """Systems are for people who see what happens at providers."""
    if not reader(request).queues_with(*SEEING):
        raise Http404


def _waiting(request: HttpRequest) -> dict[str, int]:
    """How many requests wait to be sent, by kind."""
    found = ApprovalRequest.objects.filter(queries.visible_to(reader(request)), state__in=WAITING)
    due = Q(starts_at__lte=timezone.now()) | Q(state=State.RETRYING)
    return dict(found.filter(due).values_list("kind").annotate(Count("pk")))


def _described(request: HttpRequest, slug: str, system: System, waiting: dict[str, int]) -> dict:
    count = sum(waiting.get(kind, 0) for kind in kinds.kinds_of_system(slug))
    verb = "resume" if system.is_stopped else "hold"
    action = {
        "url": f"/systems/{slug}/{verb}/",
        "method": "get",
        "label": "Resume…" if system.is_stopped else "Hold…",
        "tone": "default",
    }
    return {
        "name": system.name,
        "status": _status(system),
        "sentence": _sentence(system),
        "since": system.held_at or system.paused_at,
        "next_at": system.probe_at if system.held_at is None else None,
        "count": count,
        "count_url": "/queue/?view=systems",
        "action": action if may(f"{verb}_system", system, reader(request)) else None,
    }


def _status(system: System) -> dict:
    if system.held_at is not None:
        return {"label": "Held", "tone": "neutral"}
    if system.paused_at is not None:
        return {"label": "Paused", "tone": "failed"}
    return {"label": "Running", "tone": "done"}


def _sentence(system: System) -> str:
    if system.held_at is not None:
        who = visible(short_name(system.held_by.name))
        return f"Held by {who}: “{visible(system.hold_reason)}” Tries do not count down."
    plain = cause_of(system.last_cause).plain
    if system.paused_at is not None:
        return (
            f"It failed {system.failures} times in a row: {plain}. Nothing is sent to it, and tries "
            "do not count down. It is asked by itself whether it answers again."
        )
    if system.failures:
        times = "once" if system.failures == 1 else f"{system.failures} times in a row"
        return f"It failed {times}: {plain}. After 5 in a row it is paused by itself."
    return "Approved requests are sent to it."


def _switch(request: HttpRequest, slug: str, verb: str) -> HttpResponse:
    _check_sees(request)
    if slug not in kinds.systems():
        raise Http404(slug)
    name = kinds.systems()[slug]
    form = _form(request.POST if request.method == "POST" else None) if verb == "hold" else None
    if request.method != "POST":
        verdict = may(f"{verb}_system", System(slug=slug, name=name), reader(request))
        if not verdict:
            return errors.refused(request, NotAllowed(verdict), ref=name, back="/systems/")
        return _page(request, slug, name, verb, form)
    if form is not None and not form.is_valid():
        return _page(request, slug, name, verb, form, status=422)
    try:
        answer = _command(request, slug, verb, form)
    except Invalid as invalid:
        if form is None:
            raise
        add_errors(form, invalid)
        return _page(request, slug, name, verb, form, status=422)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=name, back="/systems/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("systems")


def _command(request: HttpRequest, slug: str, verb: str, form: ReasonForm | None):
    said = {
        "slug": slug,
        "by": request.user,
        "at": timezone.now(),
        "key": request.POST.get("idempotency_key", ""),
    }
    if verb == "hold":
        return hold_system(**said, reason=form.cleaned_data["reason"])
    return resume_system(**said)


def _form(data: object) -> ReasonForm:
    return ReasonForm(
        data,
        label="Reason",
        help_text="Whoever looks next reads it.",
        required="Say why you hold it. Whoever looks next reads it.",
    )


def _page(
    request: HttpRequest,
    slug: str,
    name: str,
    verb: str,
    form: ReasonForm | None,
    *,
    status: int = 200,
) -> HttpResponse:
    hold_it = verb == "hold"
    context = {
        "question": f"Hold {name}?" if hold_it else f"Resume {name}?",
        "effect_line": (
            f"Nothing more is sent to {name} until somebody resumes it. Tries do not count down."
            if hold_it
            else f"What waits for {name} is sent within seconds, with the tries that it had left."
        ),
        "not_effect_line": (
            "Calls under way go on, and what is in doubt is still asked about."
            if hold_it
            else "Requests that somebody holds one by one stay held."
        ),
        "form": form,
        "submit_label": f"Hold {name}" if hold_it else f"Resume {name}",
        "action_url": request.path,
        "back_url": "/systems/",
        "key": form_key(request),
        "version": None,
    }
    return render(request, "approvals/confirm.html", context, status=status)

"""Trying a table over past requests: asking for it, how far it is, and what it found."""

from datetime import UTC, datetime, time, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from approvals.forms import add_errors
from approvals.policy_words import duration as exactly
from approvals.refusals import Invalid, NotAllowed, Refusal
from approvals.rules import may
from approvals.simulation import WAYS
from approvals.views import errors
from approvals.views.frame import form_key, new_key, reader, whole
from approvals.wording import duration, money, short_name, visible
from policies.commands import trials
from policies.forms import TrialForm
from policies.models import Trial
from policies.views import frame

SHOWN = 20
IN_WORDS = {
    "same": "The same approvals",
    "more_approvals": "More approvals",
    "fewer_approvals": "Fewer approvals",
    "other_teams": "Other teams",
    "uncovered": "No rule: they would be refused",
    "nobody": "Nobody could approve them today",
}


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    shown = frame.found(request, slug)
    verdict = may("simulate", shown, reader(request))
    if not verdict:
        return errors.refused(request, NotAllowed(verdict), ref=slug, back=f"/policies/{slug}/")
    choices = _choices(shown)
    if request.method != "POST":
        today = timezone.now().astimezone(UTC).date()
        given = {"draft": "d", "version": "v"}
        chosen = next((f"{m}{request.GET[n]}" for n, m in given.items() if n in request.GET), None)
        initial = {"what": chosen, "since": today - timedelta(days=30), "until": today}
        return _ask_page(request, shown, TrialForm(choices=choices, initial=initial))
    form = TrialForm(request.POST, choices=choices)
    if not form.is_valid():
        return _ask_page(request, shown, form, status=422)
    what = form.cleaned_data["what"]
    try:
        answer = trials.ask(
            slug=slug,
            draft=whole(what[1:]) if what[0] == "d" else None,
            number=whole(what[1:]) if what[0] == "v" else None,
            since=_midnight(form.cleaned_data["since"]),
            until=_midnight(form.cleaned_data["until"]),
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        add_errors(form, invalid)
        return _ask_page(request, shown, form, status=422)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=slug, back=f"/policies/{slug}/simulate/")
    messages.success(request, answer.sentence, extra_tags="running")
    return redirect("trial", slug=slug, pk=int(answer.ref))


def _midnight(day: object) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _choices(shown: object) -> list[tuple[str, str]]:
    open_drafts = [(f"d{one.pk}", f"Draft {one.pk}") for one in shown.drafts.filter(state="open")]
    numbers = shown.versions.order_by("-number").values_list("number", flat=True)[:SHOWN]
    return [*open_drafts, *((f"v{number}", f"Version {number}") for number in numbers)]


def _ask_page(
    request: HttpRequest, shown: object, form: TrialForm, *, status: int = 200
) -> HttpResponse:
    earlier = shown.trials.select_related("asked_by")[:SHOWN]
    context = {
        "name": visible(shown.name),
        "slug": shown.slug,
        "form": form,
        "key": form_key(request),
        "trials": [
            {
                "url": f"/policies/{shown.slug}/simulations/{one.pk}/",
                "of": visible(one.of),
                "since": one.since,
                "until": one.until,
                "by": visible(short_name(one.asked_by.name)),
                "at": one.asked_at,
            }
            for one in earlier
        ],
    }
    return render(request, "policies/ask_trial.html", context, status=status)


def found_trial(request: HttpRequest, slug: str, pk: int) -> Trial:
    """Raise `Http404` for who sees no policies."""
    frame.found(request, slug)
    trial = (
        Trial.objects.filter(policy__slug=slug, pk=pk).select_related("asked_by", "policy").first()
    )
    if trial is None:
        raise Http404(str(pk))
    return trial


@require_GET
def trial(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The page; while it runs its region asks again every two seconds."""
    one = found_trial(request, slug, pk)
    context = {
        "name": visible(one.policy.name),
        "slug": slug,
        "number": pk,
        "of": visible(one.of),
        "since": one.since,
        "until": one.until,
        "by": visible(short_name(one.asked_by.name)),
        "is_over": one.finished_at is not None,
        "has_begun": one.started_at is not None,
        "seen": f"{one.requests_seen:,}",
        "failure": visible(one.failure),
        "stop": {"key": new_key()} if _may_stop(request, one) else None,
        **(_result(one) if one.result else {}),
    }
    template = "policies/trial.html#region" if request.htmx else "policies/trial.html"
    response = render(request, template, context)
    response["Vary"] = "HX-Request"
    return response


def _may_stop(request: HttpRequest, one: Trial) -> bool:
    return one.finished_at is None and one.asked_by_id == request.user.pk


def _result(one: Trial) -> dict:
    found, base = one.result, f"/policies/{one.policy.slug}/simulations/{one.pk}/requests/"
    ways = {way: found["counts"][way] for way in WAYS} | {"nobody": found["nobody"]}
    added = found["added_s"]
    return {
        "requests": f"{found['requests']:,}",
        "took": f"{(one.finished_at - one.started_at).total_seconds():.1f} s",
        "ways": [
            {
                "label": IN_WORDS[way],
                "count": f"{count:,}",
                "url": f"{base}?way={way}" if count and way != "same" else "",
                "amounts": ", ".join(
                    money(row["amount"], row["currency"])
                    for row in found["amounts"]
                    if row["way"] == way
                ),
            }
            for way, count in ways.items()
        ],
        "rules": [
            {
                "was": visible(row["was"]),
                "would_be": visible(row["would_be"]) or "no rule",
                "count": f"{row['requests']:,}",
            }
            for row in found["rules"]
        ],
        "teams": [
            f"{visible(team)} {exactly(round(seconds))}"
            for team, seconds in sorted(found["waiting_s"].items())
        ],
        "added": duration(timedelta(seconds=abs(added))) if added else "",
        "is_longer": added >= 0,
    }


@require_POST
def stop(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    found_trial(request, slug, pk)
    try:
        answer = trials.stop(
            pk=pk, by=request.user, at=timezone.now(), key=request.POST.get("idempotency_key", "")
        )
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="the trial", back=f"/policies/{slug}/simulate/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("trial", slug=slug, pk=pk)

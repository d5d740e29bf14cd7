"""One verb for all requests of one cause: a preflight over a frozen list, then a result a row.

The list is made when the page is opened and travels signed in the form: what came later or changed
since is left alone, and the page says so.
"""

import uuid
from collections.abc import Iterable

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.verdicts import denied
from approvals import failures, kinds
from approvals.causes import CAUSES
from approvals.commands.bulk import MOST, Frozen, Told, each
from approvals.forms import ReasonForm
from approvals.models import ApprovalRequest
from approvals.refusals import Invalid, NotAllowed
from approvals.rules import SEEING, may
from approvals.views import errors
from approvals.views.frame import reader
from approvals.views.verbs import VERBS, offers
from approvals.wording import money, visible

LABELS = {"hold": "Hold", "try-again": "Try again", "resume": "Resume"}
DONE = {"hold": "held", "try-again": "tried again", "resume": "resumed"}
VALID_S = 600


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest, code: str, verb: str) -> HttpResponse:
    if code not in CAUSES or verb not in LABELS:
        raise Http404(verb)
    person = reader(request)
    if not person.queues_with(*SEEING):
        raise Http404(verb)
    if not person.queues_with("operate_request"):
        words = f"Only operations can {LABELS[verb].lower()} requests."
        refusal = NotAllowed(denied("no-grant", words))
        return errors.refused(request, refusal, ref=code, back=f"/failures/{code}/")
    if request.method == "POST":
        return _carry_out(request, code, verb)
    return _preflight(request, code, verb, _form(verb))


def counts(request: HttpRequest, code: str) -> dict[str, int]:
    """By verb, with how many open requests of this cause the reader could do it now."""
    items = _open(request, code)
    return {verb: len(_sorted_out(request, items, verb)[0]) for verb in LABELS}


def _open(request: HttpRequest, code: str) -> list[ApprovalRequest]:
    found = failures.with_cause(reader(request), code).select_related("effect")
    return list(found.order_by("created_at", "id")[: MOST + 1])


def _sorted_out(
    request: HttpRequest, items: Iterable[ApprovalRequest], verb: str
) -> tuple[list[ApprovalRequest], list[dict]]:
    """Those that it can be done with, and the others with the reason."""
    name, person = verb.replace("-", "_"), reader(request)
    ready, skipped = [], []
    for item in items:
        verdict = may(name, item, person)
        if verdict and offers(name, item):
            ready.append(item)
        else:
            why = verdict.sentence or f"It is {item.get_state_display().lower()} now."
            skipped.append({"ref": item.ref, "sentence": why})
    return ready, skipped


def _preflight(
    request: HttpRequest, code: str, verb: str, form: ReasonForm | None, *, status: int = 200
) -> HttpResponse:
    """What would be done. After a mistake in the form the list stays the one that was shown."""
    items = _open(request, code)
    if (frozen := request.POST.get("list")) and (rows := _thawed(request, frozen, code, verb)):
        refs = {row.ref for row in rows}
        items = [item for item in items if item.ref in refs]
    ready, skipped = _sorted_out(request, items[:MOST], verb)
    words = VERBS[verb.replace("-", "_")]
    label = LABELS[verb]
    context = {
        "question": f"{label} {len(ready)} request{'s' if len(ready) != 1 else ''}?",
        "effect_line": words.effect.replace("{ref}", "each of them"),
        "not_effect_line": words.not_effect.replace("{ref}", "each of them"),
        "rows": [_row(item) for item in ready],
        "skipped": skipped,
        "more": len(items) > MOST,
        "total": _total(ready),
        "list": frozen or _frozen(request, code, verb, ready),
        "form": form,
        "key": request.POST.get("idempotency_key") or str(uuid.uuid4()),
        "submit_label": f"{label} {len(ready)} request{'s' if len(ready) != 1 else ''}",
        "back_url": f"/failures/{code}/",
        "action_url": request.path,
    }
    return render(request, "approvals/bulk.html", context, status=status)


def _carry_out(request: HttpRequest, code: str, verb: str) -> HttpResponse:
    rows = _thawed(request, request.POST.get("list", ""), code, verb)
    if rows is None:
        context = {
            "sentence": "This list is older than 10 minutes or not one of ours. Nothing was "
            "recorded. Open it again to see what is in it now."
        }
        return render(request, "400.html", context, status=400)
    form = _form(verb, request.POST)
    if form is not None and not form.is_valid():
        return _preflight(request, code, verb, form, status=422)
    try:
        told = each(
            VERBS[verb.replace("-", "_")].command,
            rows,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            **({"reason": form.cleaned_data["reason"]} if form is not None else {}),
        )
    except Invalid as invalid:
        if form is None:
            raise
        form.add_error("reason", " ".join(invalid.errors.values()))
        return _preflight(request, code, verb, form, status=422)
    return _result(request, code, verb, told)


def _result(request: HttpRequest, code: str, verb: str, told: list[Told]) -> HttpResponse:
    done = [one for one in told if one.is_done]
    skipped = [one for one in told if not one.is_done]
    context = {
        "heading": f"{len(done)} {DONE[verb]}, {len(skipped)} left as they were",
        "told": told,
        "skipped_refs": " ".join(one.ref for one in skipped),
        "skipped_count": len(skipped),
        "back_url": f"/failures/{code}/",
    }
    return render(request, "approvals/bulk_result.html", context)


def _form(verb: str, data: object = None) -> ReasonForm | None:
    words = VERBS[verb.replace("-", "_")]
    if not words.has_text:
        return None
    return ReasonForm(data, label=words.label, help_text=words.help_text, required=words.needs)


# --- The frozen list -------------------------------------------------------------------------------


def _frozen(request: HttpRequest, code: str, verb: str, items: list[ApprovalRequest]) -> str:
    """The list as text that only this person can send back, for ten minutes."""
    rows = [[item.ref, item.version] for item in items]
    return signing.dumps([code, verb, rows], salt=_salt(request), compress=True)


def _thawed(request: HttpRequest, frozen: str, code: str, verb: str) -> list[Frozen] | None:
    """None for a list that is too old, changed, or somebody else's."""
    try:
        of_code, of_verb, rows = signing.loads(frozen, salt=_salt(request), max_age=VALID_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if (of_code, of_verb) != (code, verb):
        return None
    return [Frozen(ref, version) for ref, version in rows]


def _salt(request: HttpRequest) -> str:
    return f"bulk/{request.user.pk}"


def _row(item: ApprovalRequest) -> dict:
    return {
        "ref": item.ref,
        "url": f"/requests/{item.ref}/",
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "customer": visible(item.customer),
    }


def _total(items: list[ApprovalRequest]) -> str:
    """The money in the list, by currency; "" where none is."""
    sums: dict[str, int] = {}
    for item in items:
        if item.amount is not None:
            sums[item.currency] = sums.get(item.currency, 0) + item.amount
    return ", ".join(money(amount, currency) for currency, amount in sorted(sums.items()))

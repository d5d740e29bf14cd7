"""One verb for many requests: a preflight over a frozen list, then a result a row.

The list is made when the page is opened and travels signed in the form: what came later or changed
since is left alone, and the page says so. It is about the requests of a cause, or about rows of the
queue that somebody ticked, or all that match its filters.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core import signing
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.verdicts import denied
from approvals import failures, kinds, queries
from approvals.causes import CAUSES
from approvals.commands.bulk import MOST, Frozen, Told, each
from approvals.forms import AssignForm, ReasonForm
from approvals.models import ApprovalRequest
from approvals.refusals import Invalid, NotAllowed
from approvals.rules import SEEING, may
from approvals.views import errors
from approvals.views.frame import form_key, reader
from approvals.views.listing import Listing
from approvals.views.verbs import VERBS, offers
from approvals.wording import money, visible

OF_CAUSE = ("hold", "try-again", "resume")
LABELS = {
    "claim": "Claim",
    "release": "Release",
    "assign": "Assign",
    "remind": "Remind about",
    "hold": "Hold",
    "resume": "Resume",
    "try-again": "Try again",
}
DONE = {
    "claim": "claimed",
    "release": "released",
    "assign": "assigned",
    "remind": "reminded about",
    "hold": "held",
    "resume": "resumed",
    "try-again": "tried again",
}
VALID_S = 600


@dataclass(frozen=True)
class Source:
    """What a list was made of: a cause's code, or the queue; and where its pages lead back."""

    name: str
    back_url: str
    back_label: str


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest, code: str, verb: str) -> HttpResponse:
    """All open requests of one cause."""
    if code not in CAUSES or verb not in OF_CAUSE:
        raise Http404(verb)
    source = Source(code, f"/failures/{code}/", "Back to the cause")
    return _answer(request, source, verb, lambda: (_of_cause(request, code), []))


@require_http_methods(["GET", "HEAD", "POST"])
def selected(request: HttpRequest, verb: str) -> HttpResponse:
    """The ticked rows of the queue, or with `all` everything that its filters match."""
    if verb not in LABELS:
        raise Http404(verb)
    query = (request.POST or request.GET).get("from", "")
    source = Source("queue", f"/queue/?{query}", "Back to the queue")
    return _answer(request, source, verb, lambda: _chosen(request, QueryDict(query)))


def _answer(request: HttpRequest, source: Source, verb: str, chosen) -> HttpResponse:
    """`chosen()`: the requests, and those that are left out already, each with the reason."""
    person = reader(request)
    if not person.queues_with(*SEEING):
        raise Http404(verb)
    if not person.queues_with("operate_request"):
        words = f"Only operations can {LABELS[verb].lower()} requests."
        refusal = NotAllowed(denied("no-grant", words))
        return errors.refused(request, refusal, ref=source.name, back=source.back_url)
    if request.method == "POST":
        return _carry_out(request, source, verb)
    items, left_out = chosen()
    return _preflight(request, source, verb, items, left_out=left_out)


def counts(request: HttpRequest, code: str) -> dict[str, int]:
    """By verb, with how many open requests of this cause the reader could do it now."""
    items = _of_cause(request, code)
    return {verb: len(_sorted_out(request, items, verb)[0]) for verb in OF_CAUSE}


# --- Which requests ----------------------------------------------------------------------------------


def _of_cause(request: HttpRequest, code: str) -> list[ApprovalRequest]:
    found = failures.with_cause(reader(request), code).select_related("effect")
    return list(found.order_by("created_at", "id")[: MOST + 1])


def _chosen(request: HttpRequest, query: QueryDict) -> tuple[list[ApprovalRequest], list[dict]]:
    """Exactly the rows that were ticked as they were shown, or the whole filtered list now."""
    if request.GET.get("all"):
        found = Listing(request, query, timezone.now()).found
        return list(found.order_by(*queries.ORDER)[: MOST + 1]), []
    ticked = dict(row.rpartition(":")[::2] for row in request.GET.getlist("row")[:MOST])
    found = queries.seen_by(reader(request)).filter(ref__in=ticked).order_by(*queries.ORDER)
    same, changed = [], []
    for item in found:
        if ticked[item.ref] == str(item.version):
            same.append(item)
        else:
            changed.append(
                {"ref": item.ref, "sentence": "It changed after you looked at the list."}
            )
    return same, changed


def _by_refs(request: HttpRequest, refs: Iterable[str]) -> list[ApprovalRequest]:
    return list(queries.seen_by(reader(request)).filter(ref__in=refs).order_by(*queries.ORDER))


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
            why = verdict.sentence or f"Its status is “{item.get_state_display()}” now."
            skipped.append({"ref": item.ref, "sentence": why})
    if verb == "try-again" and len({item.cause for item in ready}) > 1:
        why = "Choose requests of one cause to try again: they differ here."
        skipped += [{"ref": item.ref, "sentence": why} for item in ready]
        ready = []
    return ready, skipped


# --- The two pages -----------------------------------------------------------------------------------


def _preflight(
    request: HttpRequest,
    source: Source,
    verb: str,
    items: list[ApprovalRequest],
    *,
    left_out: Iterable[dict] = (),
    frozen: str = "",
    form: Form | None = None,
    status: int = 200,
) -> HttpResponse:
    """What would be done. After a mistake in the form the list stays the one that was shown."""
    ready, skipped = _sorted_out(request, items[:MOST], verb)
    words = VERBS[verb.replace("-", "_")]
    label = f"{LABELS[verb]} {len(ready)} request{'s' if len(ready) != 1 else ''}"
    context = {
        "question": f"{label}?",
        "effect_line": words.effect.replace("{ref}", "each of them"),
        "not_effect_line": words.not_effect.replace("{ref}", "each of them"),
        "rows": [_row(item) for item in ready],
        "skipped": [*left_out, *skipped],
        "more": len(items) > MOST,
        "total": _total(ready),
        "list": frozen or _frozen(request, source, verb, ready),
        "form": form or _form(request, verb, ready),
        "key": form_key(request),
        "from": (request.POST or request.GET).get("from", ""),
        "submit_label": label,
        "back_url": source.back_url,
        "action_url": request.path,
    }
    return render(request, "approvals/bulk.html", context, status=status)


def _carry_out(request: HttpRequest, source: Source, verb: str) -> HttpResponse:
    frozen = request.POST.get("list", "")
    rows = _thawed(request, frozen, source, verb)
    if rows is None:
        context = {
            "sentence": "This list is older than 10 minutes or not one of ours. Nothing was "
            "recorded. Open it again to see what is in it now."
        }
        return render(request, "400.html", context, status=400)
    items = _by_refs(request, [row.ref for row in rows])
    form = _form(request, verb, items, request.POST)

    def again() -> HttpResponse:
        return _preflight(request, source, verb, items, frozen=frozen, form=form, status=422)

    if form is not None and not form.is_valid():
        return again()
    try:
        told = each(
            VERBS[verb.replace("-", "_")].command,
            rows,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            **(form.cleaned_data if form is not None else {}),
        )
    except Invalid as invalid:
        if form is None:
            raise
        form.add_error(next(iter(form.fields)), " ".join(invalid.errors.values()))
        return again()
    return _result(request, source, verb, told)


def _result(request: HttpRequest, source: Source, verb: str, told: list[Told]) -> HttpResponse:
    done = [one for one in told if one.is_done]
    skipped = [one for one in told if not one.is_done]
    context = {
        "heading": f"{len(done)} {DONE[verb]}, {len(skipped)} left as they were",
        "told": told,
        "skipped_refs": " ".join(one.ref for one in skipped),
        "skipped_count": len(skipped),
        "back_url": source.back_url,
        "back_label": source.back_label,
    }
    return render(request, "approvals/bulk_result.html", context)


def _form(
    request: HttpRequest, verb: str, items: list[ApprovalRequest], data: object = None
) -> Form | None:
    if verb == "assign":
        return AssignForm(data, people=queries.operators_of({item.queue_id for item in items}))
    words = VERBS[verb.replace("-", "_")]
    if not words.has_text:
        return None
    return ReasonForm(data, label=words.label, help_text=words.help_text, required=words.needs)


# --- The frozen list -------------------------------------------------------------------------------


def _frozen(request: HttpRequest, source: Source, verb: str, items: list[ApprovalRequest]) -> str:
    """The list as text that only this person can send back, for ten minutes."""
    rows = [[item.ref, item.version] for item in items]
    return signing.dumps([source.name, verb, rows], salt=_salt(request), compress=True)


def _thawed(request: HttpRequest, frozen: str, source: Source, verb: str) -> list[Frozen] | None:
    """None for a list that is too old, changed, or somebody else's."""
    try:
        of_source, of_verb, rows = signing.loads(frozen, salt=_salt(request), max_age=VALID_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if (of_source, of_verb) != (source.name, verb):
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

"""Asking for something in two pages: details, then a check before it is sent; and changing it."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from approvals import kinds, queries
from approvals.commands import submit
from approvals.forms import CommonForm
from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, Queue
from approvals.refusals import DuplicateRequest, Invalid, NoPolicy, NotAllowed, Refusal
from approvals.routing import Rule
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import form_key, reader
from approvals.wording import duration, listed, money, visible


@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    person = reader(request)
    open_kinds = {
        slug for desk in Queue.objects.all() if may("submit", desk, person) for slug in desk.kinds
    }
    found = [
        {
            "url": f"/requests/new/{kind.slug}/",
            "label": kind.label,
            "description": kind.description,
        }
        for kind in kinds.all_kinds().values()
        if kind.slug in open_kinds
    ]
    return render(request, "approvals/new.html", {"kinds": found})


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, kind: str) -> HttpResponse:
    """Step 1. Posting it checks everything, also with the outside system, and sends nothing."""
    chosen = _kind(kind)
    if request.method != "POST":
        return _form_page(request, chosen, _whole_form(chosen, initial=request.GET.dict()))
    if "edit" in request.POST:
        return _form_page(request, chosen, _whole_form(chosen, initial=request.POST.dict()))
    form = _whole_form(chosen, request.POST)
    if not form.is_valid():
        return _form_page(request, chosen, form, status=422)
    try:
        payload = chosen.check(form.payload())
        if not submit.may_ask(kind=chosen.slug, by=request.user):
            raise Http404(chosen.slug)
        examined = chosen.examine(payload)
        rule = submit.what_it_will_need(
            kind=chosen.slug,
            payload=payload,
            customer=form.cleaned_data["customer"],
            by=request.user,
        )
    except Invalid as invalid:
        return _form_page(request, chosen, _with_errors(form, invalid), status=422)
    except NoPolicy as refusal:
        form.add_error(None, refusal.sentence)
        return _form_page(request, chosen, form, status=422)
    return _check_page(request, chosen, form, payload, examined, rule)


@require_http_methods(["POST"])
def check(request: HttpRequest, kind: str) -> HttpResponse:
    """Step 2, sent: the command."""
    chosen = _kind(kind)
    form = _whole_form(chosen, request.POST)
    if not form.is_valid():
        return _form_page(request, chosen, form, status=422)
    try:
        answer = submit.submit(
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            kind=chosen.slug,
            payload=form.payload(),
            customer=form.cleaned_data["customer"],
            reason=form.cleaned_data["reason"],
            ticket=form.cleaned_data["ticket"],
            is_another=request.POST.get("is_another") == "on",
        )
    except Invalid as invalid:
        return _form_page(request, chosen, _with_errors(form, invalid), status=422)
    except (NoPolicy, DuplicateRequest) as refusal:
        form.add_error(None, refusal.sentence)
        return _form_page(
            request, chosen, form, status=422, duplicate=_visible_duplicate(request, refusal)
        )
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="", back="/requests/new/")
    said = answer.sentence
    if answer.is_replay:
        said = f"Already recorded: {said} Nothing was sent twice."
    messages.success(request, said, extra_tags="done")
    return redirect("request", ref=answer.ref)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, ref: str) -> HttpResponse:
    """The requester changes the content and sends it again."""
    item = queries.find(ref, reader(request))
    if item is None:
        raise Http404(ref)
    verdict = may("resubmit", item, reader(request))
    if not verdict and request.method != "POST":
        return errors.refused(request, NotAllowed(verdict), ref=ref)
    chosen = _kind(item.kind)
    if request.method != "POST":
        return _change_page(request, item, chosen, _whole_form(chosen, initial=_initial(item)))
    form = _whole_form(chosen, request.POST)
    if not form.is_valid():
        return _change_page(request, item, chosen, form, status=422)
    try:
        answer = submit.resubmit(
            ref=ref,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            revision=int(request.POST.get("revision", "0") or 0),
            payload=_kept_fields(item, form.payload()),
            customer=form.cleaned_data["customer"],
            reason=form.cleaned_data["reason"],
            ticket=form.cleaned_data["ticket"],
        )
    except Invalid as invalid:
        return _change_page(request, item, chosen, _with_errors(form, invalid), status=422)
    except (NoPolicy, DuplicateRequest) as refusal:
        form.add_error(None, refusal.sentence)
        return _change_page(request, item, chosen, form, status=422)
    except (Refusal, ValueError) as refusal:
        if isinstance(refusal, ValueError):
            raise Http404(ref) from refusal
        return errors.refused(request, refusal, ref=ref, kept_text=request.POST.get("reason", ""))
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("request", ref=ref)


# --- Forms -----------------------------------------------------------------------------------------


class _Whole:
    """The kind's own form and the common one, shown and checked as one."""

    def __init__(self, kind: Kind, data: Mapping | None, initial: Mapping | None) -> None:
        self.own = kind.form(data, initial=initial)
        self.common = CommonForm(data, initial=initial)

    def is_valid(self) -> bool:
        return all([self.own.is_valid(), self.common.is_valid()])

    def payload(self) -> dict[str, Any]:
        return self.own.payload()

    @property
    def cleaned_data(self) -> dict[str, Any]:
        return self.common.cleaned_data

    @property
    def errors(self) -> bool:
        return bool(self.own.errors or self.common.errors)

    def non_field_errors(self) -> list:
        return [*self.own.non_field_errors(), *self.common.non_field_errors()]

    def add_error(self, field: str | None, sentence: str) -> None:
        form = self.common if field in self.common.fields or field is None else self.own
        form.add_error(field if field in form.fields else None, sentence)

    def __iter__(self):
        yield from self.own
        yield from self.common


def _whole_form(kind: Kind, data: Mapping | None = None, initial: Mapping | None = None) -> _Whole:
    return _Whole(kind, data, initial)


def _with_errors(form: _Whole, invalid: Invalid) -> _Whole:
    for field, sentence in invalid.errors.items():
        form.add_error(field, sentence)
    return form


def _kept_fields(item: ApprovalRequest, payload: dict[str, Any]) -> dict[str, Any]:
    """What the form doesn't show stays as it was (an account change's old value)."""
    shown = kinds.kind_of(item.kind).form.base_fields
    return {**{k: v for k, v in item.payload.items() if k not in shown}, **payload}


def _initial(item: ApprovalRequest) -> dict[str, Any]:
    initial = {**item.payload, "customer": item.customer}
    if item.amount is not None:
        initial["amount"] = money(item.amount, item.currency).removeprefix(f"{item.currency} ")
    return {**initial, "ticket": item.ticket, "reason": item.reason}


def _kind(slug: str) -> Kind:
    try:
        return kinds.kind_of(slug)
    except KeyError:
        raise Http404(slug) from None


# --- Pages -----------------------------------------------------------------------------------------


def _form_page(
    request: HttpRequest,
    kind: Kind,
    form: _Whole,
    *,
    status: int = 200,
    duplicate: dict | None = None,
) -> HttpResponse:
    context = {
        "kind_label": kind.label,
        "form": form,
        "duplicate": duplicate,
        "action_url": f"/requests/new/{kind.slug}/",
        "key": form_key(request),
    }
    return render(request, "approvals/new_form.html", context, status=status)


def _change_page(
    request: HttpRequest, item: ApprovalRequest, kind: Kind, form: _Whole, *, status: int = 200
) -> HttpResponse:
    context = {
        "kind_label": kind.label,
        "ref": item.ref,
        "question": item.closing_reason if item.state == "sent_back" else "",
        "form": form,
        "revision": request.POST.get("revision") or item.revision,
        "action_url": request.path,
        "back_url": f"/requests/{item.ref}/",
        "key": form_key(request),
    }
    return render(request, "approvals/change.html", context, status=status)


def _check_page(
    request: HttpRequest, kind: Kind, form: _Whole, payload: dict, examined: list, rule: Rule
) -> HttpResponse:
    amount, currency = kind.money(payload)
    what = f" {money(amount, currency)}" if amount is not None else ""
    open_one = submit.open_duplicate(kind=kind.slug, payload=payload)
    common = [
        ("Customer", form.cleaned_data["customer"]),
        ("Ticket", form.cleaned_data["ticket"]),
        ("Reason", form.cleaned_data["reason"]),
    ]
    context = {
        "kind_label": kind.label,
        "duplicate": _duplicate(request, open_one) if open_one else None,
        "summary": [
            *({"label": f.label, "value": visible(f.value)} for f in kind.facts(payload)),
            *({"label": f.label, "value": f.value} for f in examined),
            *({"label": label, "value": visible(value)} for label, value in common if value),
        ],
        "needs": _needs(rule),
        "action_url": f"/requests/new/{kind.slug}/check/",
        "edit_url": f"/requests/new/{kind.slug}/",
        "submit_label": f"Send{what} for approval" if rule.steps else f"Send{what}",
        "hidden": [(field.html_name, field.value() or "") for field in form],
        "key": form_key(request),
    }
    return render(request, "approvals/new_check.html", context)


def _needs(rule: Rule) -> str:
    if not rule.steps:
        return "Nobody has to approve this: it starts when you send it."
    steps = [
        f"{step.quorum} {visible(step.team)} approval{'s' if step.quorum > 1 else ''}"
        for step in rule.steps
    ]
    due = rule.steps[0].due_after_s
    by = f" The first is due {duration(_seconds(due))} after you send it." if due else ""
    return f"This will need {listed(steps, last='then')} (rule “{rule.name}”).{by}"


def _seconds(seconds: int):
    return timezone.timedelta(seconds=seconds)


def _duplicate(request: HttpRequest, item: ApprovalRequest) -> dict:
    """Only what this reader may see of the open request."""
    if not may("view", item, reader(request)):
        return {"sentence": "Another open request asks for this.", "ref": "", "url": ""}
    title = visible(kinds.kind_of(item.kind).title(item.payload))
    return {
        "sentence": f"{item.ref} asks for the same and is open: {title}.",
        "ref": item.ref,
        "url": f"/requests/{item.ref}/",
    }


def _visible_duplicate(request: HttpRequest, refusal: Refusal) -> dict | None:
    ref = refusal.facts.get("ref")
    item = ApprovalRequest.objects.filter(ref=ref).first() if ref else None
    return _duplicate(request, item) if item else None

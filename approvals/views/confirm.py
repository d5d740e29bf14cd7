"""A verb's own page: GET asks with what it does and doesn't do, POST carries it out."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals import kinds, queries
from approvals.forms import AssignForm, GlassForm, ReasonForm, SettleForm, add_errors
from approvals.models import ApprovalRequest
from approvals.refusals import Invalid, NotAllowed, Refusal, RevisionMismatch
from approvals.rules import may, step_for
from approvals.views import errors, kept, told
from approvals.views.frame import form_key, reader, whole
from approvals.views.verbs import VERBS, Words, offers
from approvals.wording import visible


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, ref: str, verb: str) -> HttpResponse:
    name = verb.replace("-", "_")
    if "_" in verb or name not in VERBS:
        raise Http404(verb)
    answer = _again_signed_in if _wants_a_person(request, ref, name) else _answer
    return answer(request, ref, name)


def _wants_a_person(request: HttpRequest, ref: str, name: str) -> bool:
    """Whether they must have signed in within the last minutes: a session alone is not somebody there."""
    if name == "break_glass":
        item = queries.find(ref, reader(request))
        return item is not None and bool(may(name, item, reader(request)))
    if request.method != "POST" or name != "approve":
        return False
    item = queries.find(ref, reader(request))
    number = whole(request.POST.get("step"))
    steps = item.open_steps if item is not None else []
    return any(step.person_present for step in steps if step.number == number)


@reauthentication_required
def _again_signed_in(request: HttpRequest, ref: str, name: str) -> HttpResponse:
    return _answer(request, ref, name)


def _answer(request: HttpRequest, ref: str, name: str) -> HttpResponse:
    if request.method == "POST":
        return _carry_out(request, ref, name)
    item = queries.find(ref, reader(request))
    if item is None:
        raise Http404(ref)
    verdict = may(name, item, reader(request))
    if not verdict:
        return errors.refused(request, NotAllowed(verdict), ref=ref)
    if not offers(name, item):
        messages.info(request, _not_now(item, name), extra_tags="retrying")
        return redirect("request", ref=ref)
    form = _form(name, item)
    form.initial["reason"] = kept.comment(request)
    return _page(request, item, name, form)


def _carry_out(request: HttpRequest, ref: str, name: str) -> HttpResponse:
    words = VERBS[name]
    item = queries.find(ref, reader(request))
    form = _form(name, item, request.POST)
    is_complete = form.is_valid()
    if item is not None and not is_complete:
        return _page(request, item, name, form, status=422)
    try:
        seen = _seen(request, words)
        answer = words.command(
            ref=ref,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            version=whole(request.POST.get("version")),
            **seen,
            **_typed(name, form),
        )
    except Invalid as invalid:
        if item is None:
            raise Http404(ref) from invalid
        add_errors(form, invalid)
        return _page(request, item, name, form, status=422)
    except Refusal as refusal:
        return errors.refused(
            request,
            refusal,
            ref=ref,
            kept_text=visible(request.POST.get("reason", ""))[:2000],
            changes=_changes(refusal),
        )
    sentence = answer.sentence
    if answer.is_replay:
        sentence = f"Already recorded: {sentence} Nothing was done twice."
    messages.success(request, sentence, extra_tags="done")
    response = redirect("request", ref=ref)
    kept.forget(response, request)
    return response


def _typed(name: str, form: Form) -> dict:
    if name == "assign":
        return {"to": form.cleaned_data.get("to", "")}
    if name == "break_glass":
        return {name: form.cleaned_data.get(name) for name in ("reason", "minutes")}
    if not VERBS[name].has_text:
        return {}
    if name == "settle":
        return {
            "reason": form.cleaned_data.get("reason", ""),
            "happened": form.cleaned_data.get("happened") == "yes",
            "reference": form.cleaned_data.get("reference", ""),
        }
    return {"reason": form.cleaned_data.get("reason", "")}


def _seen(request: HttpRequest, words: Words) -> dict:
    """What the form says its sender saw. Raise `Invalid` when a form lacks it."""
    seen = {}
    for name, is_needed in (("revision", words.sees_revision), ("step", words.sees_step)):
        if not is_needed:
            continue
        value = whole(request.POST.get(name))
        if value is None:
            raise Invalid({"reason": f"The form does not say which {name} you saw. Reload it."})
        seen[name] = value
    if words.sees_finding:
        seen["finding"] = whole(request.POST.get("finding"))
    return seen


def _form(name: str, item: ApprovalRequest | None, data: object = None) -> Form:
    words = VERBS[name]
    if name == "assign":
        return AssignForm(data, people=queries.operators_of([item.queue_id] if item else []))
    kind = {"settle": SettleForm, "break_glass": GlassForm}.get(name, ReasonForm)
    return kind(data, label=words.label, help_text=words.help_text, required=words.needs)


def _page(
    request: HttpRequest, item: ApprovalRequest, name: str, form: Form, *, status: int = 200
) -> HttpResponse:
    words = VERBS[name]
    context = {
        "question": words.question.format(ref=item.ref),
        "effect_line": words.effect.format(ref=item.ref),
        "not_effect_line": words.not_effect.format(ref=item.ref),
        "facts": _facts(item, name),
        "form": form if words.has_text or name == "assign" else None,
        "submit_label": words.submit_label.format(ref=item.ref),
        "danger": words.is_danger,
        "action_url": request.path,
        "back_url": f"/requests/{item.ref}/",
        # A form with a mistake keeps its key: nothing was done with it yet.
        "key": form_key(request),
        "version": None,
        "revision": item.revision if words.sees_revision else None,
        "step": _step_seen(request, item) if words.sees_step else None,
        "finding": item.open_settlement.pk if words.sees_finding and item.open_settlement else None,
    }
    if request.method == "POST":
        for seen in ("revision", "step", "finding"):
            context[seen] = whole(request.POST.get(seen)) or context[seen]
    return render(request, "approvals/confirm.html", context, status=status)


def _step_seen(request: HttpRequest, item: ApprovalRequest) -> int | None:
    """The open step that is theirs to decide; for who may not decide, the one that is named."""
    step = step_for(item, reader(request)) or item.open_step
    return step.number if step else None


def _facts(item: ApprovalRequest, name: str) -> list[dict]:
    kind = kinds.kind_of(item.kind)
    lines = [
        {"label": "Request", "value": f"{item.ref} {visible(kind.title(item.payload))}"},
        {"label": "Customer", "value": visible(item.customer)},
    ]
    found = item.open_settlement
    if name == "confirm_settlement" and found is not None:
        said = "It happened" if found.happened else "It did not happen"
        lines += [
            {"label": "Found", "value": f"{said}, says {visible(found.proposed_by.name)}"},
            {"label": "Evidence", "value": visible(found.evidence)},
        ]
        if found.reference:
            lines.append({"label": "Reference", "value": visible(found.reference)})
    return lines


def _changes(refusal: Refusal) -> list[dict]:
    """Field by field, what changed after the revision that was seen."""
    if not isinstance(refusal, RevisionMismatch):
        return []
    return told.changes_shown(refusal.facts.get("changes", []))


def _not_now(item: ApprovalRequest, name: str) -> str:
    state = item.get_state_display().lower()
    return f"{item.ref} is {state} now, so there is nothing to {name.replace('_', ' ')}."

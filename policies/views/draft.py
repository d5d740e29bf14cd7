"""A draft: what it says, what it would change, what stands in its way, and what is done with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from approvals import policy_file
from approvals.commands.frame import Answer
from approvals.forms import add_errors
from approvals.policy_lint import Finding
from approvals.refusals import Invalid, NotAllowed, Refusal
from approvals.rules import may, not_held
from approvals.views import errors
from approvals.views.frame import form_key, new_key, reader, whole
from approvals.wording import short_name, visible
from policies import linting
from policies.commands import drafts
from policies.forms import FileForm
from policies.models import Draft, DraftState
from policies.views import frame


@dataclass(frozen=True)
class Verb:
    """What its page says before it is done."""

    command: Callable[..., Answer]
    question: str
    effect: str
    not_effect: str
    submit: str
    is_danger: bool = False


VERBS = {
    "publish": Verb(
        drafts.publish,
        "Publish this draft of {name}?",
        "It is what new requests are asked under from now on.",
        "Open requests keep the version that they were asked under.",
        "Publish",
    ),
    "discard": Verb(
        drafts.discard,
        "Discard this draft of {name}?",
        "It ends here. It stays readable, and nobody can change it any more.",
        "The policy stays as it is.",
        "Discard the draft",
        is_danger=True,
    ),
    "rebase": Verb(
        drafts.rebase,
        "Compare this draft of {name} with what is live now?",
        "Its changes are shown against the live version, which somebody published meanwhile.",
        "Not a word of the draft changes: look whether it undoes what the other one did.",
        "Compare with the live version",
    ),
}


@require_POST
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    frame.found(request, slug)
    try:
        answer = drafts.begin(
            slug=slug,
            number=whole(request.POST.get("number")),
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=slug, back=f"/policies/{slug}/")
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("draft", slug=slug, pk=int(answer.ref))


@require_GET
def draft(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    live = shown.policy.live
    is_open = shown.state == DraftState.OPEN
    writes = is_open and frame.writes(request, shown.policy)
    findings = linting.findings(shown) if is_open else []
    missing = _missing(request, shown, findings) if is_open else []
    context = {
        "name": visible(shown.name),
        "slug": slug,
        "number": pk,
        "status": {
            "label": shown.get_state_display(),
            "tone": {"open": "waiting", "published": "done"}.get(shown.state, "neutral"),
        },
        "purpose": visible(shown.purpose),
        "by": visible(short_name(shown.created_by.name)),
        "at": shown.updated_at,
        "compared_with": shown.based_on.number,
        "is_behind": is_open and shown.based_on_id != live.pk,
        "live": live.number,
        "published_as": shown.published_as.number if shown.published_as else None,
        "rules": frame.rules(shown.table, findings),
        "edits": _edits(shown) if writes else None,
        "findings": [one.sentence for one in findings if not one.rule],
        "differences": frame.differences(shown.based_on, shown.table),
        "missing": missing,
        "actions": _actions(shown, is_ready=not missing) if writes else [],
    }
    return render(request, "policies/draft.html", context)


def _missing(request: HttpRequest, shown: Draft, findings: Sequence[Finding]) -> list[str]:
    """What must be before this person can publish it."""
    found = []
    if not shown.purpose:
        found.append("Its authors have not said what it is for.")
    if shown.based_on_id != shown.policy.live_id:
        found.append("Another version was published meanwhile: compare it with that first.")
    if shown.table == shown.policy.live.table:
        found.append("It says the same as what is live.")
    if any(one.is_error for one in findings):
        found.append("Some of its rules have errors, shown beside them.")
    if str(reader(request).person_key) in shown.contributor_keys:
        found.append("You wrote some of it: somebody else publishes it.")
    if not (verdict := not_held(reader(request))):
        found.append(verdict.sentence)
    return found


def _actions(shown: Draft, *, is_ready: bool) -> list[dict]:
    base = frame.url_of(shown)
    tried = f"/policies/{shown.policy.slug}/simulate/?draft={shown.pk}"
    found = [
        frame.button("Add a rule…", f"{base}rules/new/"),
        frame.button("Change as a file…", f"{base}file/"),
        frame.button("Try it…", tried),
    ]
    if shown.based_on_id != shown.policy.live_id:
        found.append(frame.button("Compare with what is live…", f"{base}rebase/"))
    if is_ready:
        found.insert(0, frame.button("Publish…", f"{base}publish/", tone="primary"))
    return [*found, frame.button("Discard…", f"{base}discard/", tone="danger")]


def _edits(shown: Draft) -> dict:
    """What the links and buttons of its rules need."""
    return {"url": f"{frame.url_of(shown)}rules/", "key": new_key(), "version": shown.version}


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    if not frame.writes(request, shown.policy) or shown.state != DraftState.OPEN:
        return redirect("draft", slug=slug, pk=pk)
    if request.method != "POST":
        text = policy_file.write(slug=slug, name=shown.name, table=shown.table)
        initial = {"text": text, "purpose": shown.purpose}
        return _edit_page(request, shown, FileForm(slug=slug, initial=initial))
    form = FileForm(request.POST, slug=slug)
    if not form.is_valid():
        return _edit_page(request, shown, form, status=422)
    seen = whole(request.POST.get("version"))
    try:
        answer = drafts.change(
            pk=pk,
            version=seen if seen is not None else 0,
            name=form.policy["name"],
            table=form.policy["table"],
            purpose=form.cleaned_data["purpose"],
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        add_errors(form, invalid)
        return _edit_page(request, shown, form, status=422)
    except Refusal as refusal:
        typed = visible(form.cleaned_data["text"])
        base = frame.url_of(shown)
        return errors.refused(request, refusal, ref="the draft", back=base, kept_text=typed)
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("draft", slug=slug, pk=pk)


def _edit_page(
    request: HttpRequest, shown: Draft, form: FileForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "name": visible(shown.name),
        "back_url": frame.url_of(shown),
        "key": form_key(request),
        "version": whole(request.POST.get("version")) or shown.version,
    }
    return render(request, "policies/edit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, slug: str, pk: int, verb: str) -> HttpResponse:
    if verb not in VERBS:
        raise Http404(verb)
    answer = _again_signed_in if verb == "publish" else _act
    return answer(request, slug, pk, verb)


@reauthentication_required
def _again_signed_in(request: HttpRequest, slug: str, pk: int, verb: str) -> HttpResponse:
    return _act(request, slug, pk, verb)


def _act(request: HttpRequest, slug: str, pk: int, verb: str) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    words, base = VERBS[verb], frame.url_of(shown)
    verdict = may("write_policy", shown.policy, reader(request))
    if not verdict:
        return errors.refused(request, NotAllowed(verdict), ref="the draft", back=base)
    if request.method != "POST":
        context = {
            "question": words.question.format(name=visible(shown.name)),
            "effect_line": words.effect,
            "not_effect_line": words.not_effect,
            "facts": _warnings(shown) if verb == "publish" else [],
            "submit_label": words.submit,
            "danger": words.is_danger,
            "action_url": request.path,
            "back_url": base,
            "key": form_key(request),
            "version": shown.version,
        }
        return render(request, "approvals/confirm.html", context)
    seen = whole(request.POST.get("version"))
    try:
        answer = words.command(
            pk=pk,
            version=seen if seen is not None else 0,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
        return redirect("draft", slug=slug, pk=pk)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="the draft", back=base)
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("policy", slug=slug) if verb == "publish" else redirect("draft", slug, pk)


def _warnings(shown: Draft) -> list[dict]:
    """What whoever publishes should have seen: how much changes, and what is doubtful."""
    changes = frame.differences(shown.based_on, shown.table)
    found = linting.findings(shown)
    return [
        {"label": "What it is for", "value": visible(shown.purpose)},
        {"label": "Rules that change", "value": str(len(changes))},
        *({"label": "Warning", "value": visible(one.sentence)} for one in found),
    ]

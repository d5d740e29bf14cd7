"""What was asked for: the list, one of them, and accepting, refusing or withdrawing it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from approvals.commands.frame import Answer
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import form_key, reader
from approvals.wording import short_name, visible
from rights import queries
from rights.changes import Change, Impossible
from rights.commands import proposals
from rights.models import Proposal, ProposalState
from rights.reading import read_all
from rights.rules import may_accept
from rights.views import frame

MOST_ENDED = 50


@dataclass(frozen=True)
class Verb:
    command: Callable[..., Answer]
    question: str
    effect: str
    not_effect: str
    submit: str
    is_danger: bool = False


VERBS = {
    "accept": Verb(
        proposals.accept,
        "Accept change {pk}?",
        "It counts from now on, and each part of it is recorded.",
        "Requests that were decided stay decided.",
        "Accept",
    ),
    "refuse": Verb(
        proposals.refuse,
        "Refuse change {pk}?",
        "It ends here.",
        "Nobody may do more or less than today.",
        "Refuse it",
        is_danger=True,
    ),
    "withdraw": Verb(
        proposals.withdraw,
        "Withdraw change {pk}?",
        "It ends here.",
        "Nobody may do more or less than today.",
        "Withdraw it",
    ),
}


propose = require_POST(frame.propose)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    frame.administrator(request)
    ended = queries.proposals().exclude(state=ProposalState.OPEN)[:MOST_ENDED]
    context = {
        "waiting": [_line(one) for one in queries.waiting()],
        "ended": [_line(one) for one in ended],
        "empty": {"sentence": "Nothing waits for another administrator."},
    }
    return render(request, "rights/changes.html", context)


def _line(one: Proposal) -> dict[str, Any]:
    return {
        "url": f"/access/changes/{one.pk}/",
        "number": one.pk,
        "sentences": [visible(sentence) for sentence in one.sentences],
        "by": visible(short_name(one.asked_by.name)),
        "at": one.asked_at,
        "status": _status(one),
    }


def _status(one: Proposal) -> dict[str, str]:
    if one.has_lapsed(timezone.now()):
        return {"label": "Too old to accept", "tone": "neutral"}
    tone = {"open": "waiting", "accepted": "done"}.get(one.state, "neutral")
    return {"label": one.get_state_display(), "tone": tone}


def _changes(one: Proposal) -> list[Change] | None:
    """None when something that it is about is no more."""
    try:
        return read_all(one.changes)
    except Impossible:
        return None


@require_GET
def change(request: HttpRequest, pk: int) -> HttpResponse:
    one = _found(request, pk)
    is_open = one.state == ProposalState.OPEN
    changes = _changes(one) if is_open else None
    missing = _missing(request, one, changes) if is_open else ""
    context = {
        **_line(one),
        "reason": visible(one.reason),
        "ended_by": visible(short_name(one.ended_by.name)) if one.ended_by else "",
        "ended_at": one.ended_at,
        "missing": missing,
        "actions": _actions(request, one, is_ready=not missing) if is_open else [],
        **(_effect(changes) if changes else {}),
    }
    return render(request, "rights/change.html", context)


def _effect(changes: list[Change]) -> dict[str, Any]:
    try:
        return frame.shown(queries.effect_of(changes))
    except Impossible:
        return {}


def _missing(request: HttpRequest, one: Proposal, changes: list[Change] | None) -> str:
    """Why this person cannot accept it."""
    if changes is None:
        return "Something that it was about is no more. Ask for it again without that."
    if one.has_lapsed(timezone.now()):
        return "It was asked for more than 7 days ago. Ask for it again."
    return may_accept(changes, one.asked_by.person_key, reader(request)).sentence


def _actions(request: HttpRequest, one: Proposal, *, is_ready: bool) -> list[dict[str, str]]:
    base = f"/access/changes/{one.pk}/"
    if one.asked_by_id == request.user.pk:
        return [_button("Withdraw…", f"{base}withdraw/")]
    found = [_button("Refuse…", f"{base}refuse/", tone="danger")]
    return [_button("Accept…", f"{base}accept/", tone="primary"), *found] if is_ready else found


def _button(label: str, url: str, *, tone: str = "default") -> dict[str, str]:
    return {"label": label, "url": url, "tone": tone, "method": "get"}


def _found(request: HttpRequest, pk: int) -> Proposal:
    frame.administrator(request)
    one = queries.proposals().filter(pk=pk).first()
    if one is None:
        raise Http404(str(pk))
    return one


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    if verb not in VERBS:
        raise Http404(verb)
    answer = _again_signed_in if verb == "accept" else _act
    return answer(request, pk, verb)


@reauthentication_required
def _again_signed_in(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    return _act(request, pk, verb)


def _act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    one, words = _found(request, pk), VERBS[verb]
    base = f"/access/changes/{pk}/"
    if request.method != "POST":
        context = {
            "question": words.question.format(pk=pk),
            "effect_line": words.effect,
            "not_effect_line": words.not_effect,
            "facts": [{"label": "Change", "value": visible(line)} for line in one.sentences],
            "submit_label": words.submit,
            "danger": words.is_danger,
            "action_url": request.path,
            "back_url": base,
            "key": form_key(request),
        }
        return render(request, "approvals/confirm.html", context)
    try:
        answer = words.command(
            pk=pk,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
        return redirect("access_change", pk=pk)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=f"change {pk}", back=base)
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("access_change", pk=pk)

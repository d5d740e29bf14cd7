"""The verbs of a sent handoff: answering it line by line or at once, and taking it back."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from approvals.forms import ReasonForm
from approvals.refusals import Invalid, Refusal
from approvals.rules import may
from approvals.views.frame import form_key, reader
from approvals.wording import visible
from handoffs.commands.answering import NEEDS_TEXT, accept_rest, acknowledge, answer_line
from handoffs.commands.drafting import withdraw_handoff
from handoffs.models import Choice, Handoff, HandoffState, Line
from handoffs.views import frame


@dataclass(frozen=True)
class Words:
    """What the page of an answer says; `{ref}` and `{owner}` may stand in it."""

    question: str
    effect: str
    not_effect: str
    label: str = ""
    help_text: str = ""
    submit: str = ""


WORDS = {
    Choice.ACCEPT: Words(
        "Accept {ref}?",
        "{owner} owns it from now on.",
        "It changes nothing about approvals or tries. An answer is final.",
        submit="Accept {ref}",
    ),
    Choice.QUESTION: Words(
        "Accept {ref} with a question?",
        "{owner} owns it from now on, and {sender} reads your question here.",
        "It changes nothing about approvals or tries. An answer is final.",
        label="Question",
        help_text="What you still need to know.",
        submit="Accept {ref} with a question",
    ),
    Choice.CANNOT: Words(
        "Say that you cannot take {ref}?",
        "{sender} reads your reason here, and has to find somebody else.",
        "Its owner stays as it is. An answer is final.",
        label="Reason",
        help_text="Why you cannot take it.",
        submit="I cannot take {ref}",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, pk: int, number: int, choice: str) -> HttpResponse:
    handoff = frame.found(request, pk)
    if choice not in Choice.values:
        raise Http404(choice)
    line = _line(request, handoff, number)
    if request.method != "POST":
        return _question(request, line, Choice(choice))
    try:
        given = answer_line(
            handoff_id=pk,
            line_id=number,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            choice=choice,
            text=request.POST.get("reason", ""),
        )
    except Invalid as invalid:
        return _question(request, line, Choice(choice), invalid)
    except Refusal as refusal:
        return frame.refused(request, refusal, pk, kept=request.POST.get("reason", ""))
    return frame.ended_well(request, given)


@require_http_methods(["GET", "HEAD", "POST"])
def accept_all(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = frame.found(request, pk)
    _check_is_receiver(request, handoff)
    if request.method != "POST":
        return _confirm(
            request,
            handoff,
            question=f"Accept all {handoff.unanswered} that wait for an answer?",
            effect="You own each of them from now on, or whoever it is meant for does.",
            not_effect="Answers that you gave stay. Nothing changes about approvals or tries.",
            submit=f"Accept all {handoff.unanswered}",
        )
    try:
        told = accept_rest(
            handoff_id=pk,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Refusal as refusal:
        return frame.refused(request, refusal, pk)
    accepted = sum(one.is_done for one in told)
    sentence = f"{accepted} accepted. Each line says who owns it now."
    if not accepted:
        sentence = "All was answered already. Nothing was done twice."
    messages.success(request, sentence, extra_tags="done")
    return redirect(frame.url_of(pk))


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    frame.found(request, pk)
    return frame.carried_out(request, pk, lambda: acknowledge(**_said(request, pk)))


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = frame.found(request, pk)
    if handoff.sender_id != request.user.pk:
        raise Http404(str(pk))
    if request.method == "POST":
        version = frame.version_seen(request)
        return frame.carried_out(
            request, pk, lambda: withdraw_handoff(**_said(request, pk), version=version)
        )
    is_draft = handoff.state == HandoffState.DRAFT
    return _confirm(
        request,
        handoff,
        question="Discard this draft?" if is_draft else "Withdraw this handoff?",
        effect="You can start another."
        if is_draft
        else f"{visible(handoff.receiver.name)} cannot answer it any more.",
        not_effect="No request changes.",
        submit="Discard draft" if is_draft else "Withdraw handoff",
        danger=True,
    )


# --- Shared --------------------------------------------------------------------------------------


def _said(request: HttpRequest, pk: int) -> dict:
    return {
        "handoff_id": pk,
        "by": request.user,
        "at": timezone.now(),
        "key": request.POST.get("idempotency_key", ""),
    }


def _check_is_receiver(request: HttpRequest, handoff: Handoff) -> None:
    if handoff.receiver_id != request.user.pk:
        raise Http404(str(handoff.pk))


def _line(request: HttpRequest, handoff: Handoff, number: int) -> Line:
    _check_is_receiver(request, handoff)
    line = handoff.lines.select_related("item", "to").filter(pk=number).first()
    if line is None or not may("view", line.item, reader(request)):
        raise Http404(str(number))
    line.handoff = handoff
    return line


def _question(
    request: HttpRequest, line: Line, choice: Choice, invalid: Invalid | None = None
) -> HttpResponse:
    words = WORDS[choice]
    named = {
        "ref": line.item.ref,
        "owner": _you_or_name(request, line.new_owner),
        "sender": visible(line.handoff.sender.name),
    }
    form = _text(request, words, choice) if words.label else None
    if invalid is not None and form is not None and not form.errors:
        form.add_error("reason", invalid.sentence)
    return _confirm(
        request,
        line.handoff,
        question=words.question.format(**named),
        effect=words.effect.format(**named),
        not_effect=words.not_effect,
        submit=words.submit.format(**named),
        facts=[
            {"label": "Request", "value": f"{line.item.ref} {line.title}"},
            {"label": "When sent", "value": f"{visible(line.label)}. {visible(line.sentence)}"},
        ],
        form=form,
        status=422 if invalid else 200,
    )


def _you_or_name(request: HttpRequest, owner: object) -> str:
    return "You" if owner.pk == request.user.pk else visible(owner.name)


def _text(request: HttpRequest, words: Words, choice: Choice) -> ReasonForm:
    return ReasonForm(
        request.POST if request.method == "POST" else None,
        label=words.label,
        help_text=words.help_text,
        required=NEEDS_TEXT[choice],
    )


def _confirm(
    request: HttpRequest,
    handoff: Handoff,
    *,
    question: str,
    effect: str,
    not_effect: str,
    submit: str,
    facts: Sequence[dict] = (),
    form: ReasonForm | None = None,
    danger: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "question": question,
        "effect_line": effect,
        "not_effect_line": not_effect,
        "facts": facts,
        "form": form,
        "submit_label": submit,
        "action_url": request.path,
        "back_url": frame.url_of(handoff.pk),
        "key": form_key(request),
        "danger": danger,
        "version": handoff.version if danger else None,
    }
    return render(request, "approvals/confirm.html", context, status=status)

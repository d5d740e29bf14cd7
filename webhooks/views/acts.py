"""The verbs of one endpoint: those that need a second look have a page that says what they do."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals.forms import ReasonForm
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import form_key
from approvals.wording import visible
from webhooks import commands
from webhooks.commands import WithSecret
from webhooks.models import Endpoint
from webhooks.views import endpoint as endpoint_page
from webhooks.views import frame

WHY = "Say why you disable it."


@dataclass(frozen=True)
class Verb:
    """`question` is None for a verb that is a button and has no page."""

    command: Callable[..., object]
    question: str | None = None
    effect: str = ""
    not_effect: str = ""
    submit: str = ""
    needs_reason: bool = False


VERBS = {
    "test": Verb(commands.send_test),
    "enable": Verb(commands.enable_endpoint),
    "rotate": Verb(
        commands.rotate_secret,
        "Rotate the secret of {name}?",
        "You get a new secret, once. For 24 hours everything is signed with the new and the old one.",
        "Nothing is sent twice, and deliveries go on. An old secret from a rotation before this one "
        "stops signing at once.",
        "Rotate secret",
    ),
    "disable": Verb(
        commands.disable_endpoint,
        "Disable {name}?",
        "Nothing more is sent to it.",
        "Nothing is lost: when it is enabled, it is told what happened meanwhile.",
        "Disable endpoint",
        needs_reason=True,
    ),
    "replay": Verb(
        commands.replay_failed,
        "Replay what failed for {name}?",
        "All failed deliveries are tried again, oldest first, at most 1,000 at a time.",
        "Each keeps its id, so a receiver that heard it already can tell.",
        "Replay failed deliveries",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    endpoint = frame.found(request, pk)
    if verb not in VERBS:
        raise Http404(verb)
    how = VERBS[verb]
    if how.question is None and request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = _form(request) if how.needs_reason else None
    if request.method != "POST":
        return _page(request, endpoint, how, form)
    if form is not None and not form.is_valid():
        return _page(request, endpoint, how, form, status=422)
    said = {"reason": form.cleaned_data["reason"]} if form is not None else {}
    return _carry_out(request, endpoint, how, form, said)


def _carry_out(
    request: HttpRequest, endpoint: Endpoint, how: Verb, form: ReasonForm | None, said: dict
) -> HttpResponse:
    try:
        answer = how.command(
            endpoint_id=endpoint.pk,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            **said,
        )
    except Invalid as invalid:
        if form is None:
            raise
        form.add_error("reason", invalid.sentence)
        return _page(request, endpoint, how, form, status=422)
    except Refusal as refusal:
        return errors.refused(
            request, refusal, ref=visible(endpoint.name), back=frame.url_of(endpoint.pk)
        )
    if isinstance(answer, WithSecret):
        endpoint_page.keep_for_the_next_page(request, answer)
        answer = answer.answer
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect(frame.url_of(endpoint.pk))


def _form(request: HttpRequest) -> ReasonForm:
    return ReasonForm(
        request.POST if request.method == "POST" else None,
        label="Reason",
        help_text="Whoever looks next reads it.",
        required=WHY,
    )


def _page(
    request: HttpRequest,
    endpoint: Endpoint,
    how: Verb,
    form: ReasonForm | None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "question": how.question.format(name=visible(endpoint.name)),
        "effect_line": how.effect,
        "not_effect_line": how.not_effect,
        "form": form,
        "submit_label": how.submit,
        "action_url": request.path,
        "back_url": frame.url_of(endpoint.pk),
        "key": form_key(request),
        "danger": how.needs_reason,
        "version": None,
    }
    return render(request, "approvals/confirm.html", context, status=status)

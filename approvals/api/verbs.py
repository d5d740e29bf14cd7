"""Commands: asking for something, and the verbs of contract §4, each over the pages' own command."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Scope
from approvals import queries
from approvals.api import shapes, showing
from approvals.api.callers import caller, needs
from approvals.api.problems import Problem
from approvals.api.requests import router
from approvals.commands import copying, decide, operate, settle, submit
from approvals.commands.frame import Answer, Command, Seen
from approvals.refusals import VersionMismatch

ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"', re.ASCII)
BLANK = " \t"  # what HTTP allows between the names of a list
NO_VERSION = 0  # versions begin at 1: this one never holds


@dataclass(frozen=True)
class Verb:
    """How a verb is called: its command, what its body holds, and which scope it needs."""

    command: Command
    body: type[shapes.Body]
    scopes: tuple[Scope, ...]
    summary: str


SUBMIT, OPERATE, DECIDE = Scope.SUBMIT, Scope.OPERATE, Scope.DECIDE
VERBS: dict[str, Verb] = {
    "approve": Verb(decide.approve, shapes.Approve, (DECIDE,), "Approve the step you saw"),
    "reject": Verb(decide.reject, shapes.Decide, (DECIDE,), "Reject it"),
    "send-back": Verb(decide.send_back, shapes.Decide, (DECIDE,), "Ask the requester a question"),
    "take-back": Verb(decide.take_back, shapes.Nothing, (DECIDE,), "Take back the last approval"),
    "resubmit": Verb(submit.resubmit, shapes.Resubmit, (SUBMIT,), "Change it and send it again"),
    "withdraw": Verb(submit.withdraw, shapes.Reason, (SUBMIT, OPERATE), "Withdraw it"),
    "note": Verb(operate.note, shapes.Reason, (SUBMIT, OPERATE, DECIDE), "Leave a note"),
    "copy-reply": Verb(
        copying.copy_reply,
        shapes.CopyReply,
        (SUBMIT, OPERATE, DECIDE),
        "Record that the customer is told the answer",
    ),
    "claim": Verb(operate.claim, shapes.Nothing, (OPERATE,), "Make it yours"),
    "release": Verb(operate.release, shapes.Nothing, (OPERATE,), "Make it nobody's"),
    "assign": Verb(operate.assign, shapes.Assign, (OPERATE,), "Give it to a colleague"),
    "remind": Verb(
        operate.remind, shapes.Nothing, (SUBMIT, OPERATE), "Remind whoever it waits for"
    ),
    "hold": Verb(operate.hold, shapes.Reason, (OPERATE,), "No more tries for now"),
    "resume": Verb(operate.resume, shapes.Nothing, (OPERATE,), "Let it go on"),
    "try-again": Verb(operate.try_again, shapes.Nothing, (OPERATE,), "Have it tried now"),
    "ask-provider": Verb(
        operate.ask_provider, shapes.Nothing, (OPERATE,), "Ask whether it happened; only reads"
    ),
    "settle": Verb(settle.settle, shapes.Settle, (OPERATE,), "Say what you found, with evidence"),
    "confirm-settlement": Verb(
        settle.confirm_settlement,
        shapes.ConfirmSettlement,
        (OPERATE, DECIDE),
        "Confirm what somebody else found",
    ),
}


@router.post(
    "",
    response={201: shapes.LeftShape},
    tags=["Commands"],
    operation_id="submit",
    summary="Ask for something",
)
@needs(Scope.SUBMIT)
def ask(request: HttpRequest, body: shapes.Submit) -> HttpResponse:
    """Checked against the outside system, routed by the queue's policy, recorded once for a key."""
    if "If-Match" in request.headers:
        raise VersionMismatch("A new request has no version yet: leave If-Match out.")
    at = timezone.now()
    answer = submit.submit(
        by=request.auth,
        at=at,
        key=_key(request),
        origin="api",
        show=showing.request_as_left(at),
        **body.model_dump(),
    )
    return _answered(request, answer, status=201)


def _route(name: str, verb: Verb) -> Callable[..., HttpResponse]:
    """The view of one verb: ninja reads the body's type from its signature."""

    def view(request: HttpRequest, ref: str, body: Any = None) -> HttpResponse:
        at = timezone.now()
        answer = verb.command(
            ref=ref.upper(),
            by=request.auth,
            at=at,
            key=_key(request),
            version=seen(request.headers.get("If-Match")),
            show=showing.request_as_left(at),
            **_arguments(body),
        )
        return _answered(request, answer, status=200)

    view.__name__ = name.replace("-", "_")
    view.__doc__ = verb.command.__doc__
    view.__annotations__["body"] = verb.body
    view.__defaults__ = None if _has_needed(verb.body) else (verb.body(),)
    return view


def _has_needed(body: type[shapes.Body]) -> bool:
    return any(field.is_required() for field in body.model_fields.values())


def _arguments(body: shapes.Body) -> Mapping[str, Any]:
    return body.model_dump()


for _name, _verb in VERBS.items():
    router.post(
        f"/{{ref}}/{_name}",
        response=shapes.LeftShape,
        tags=["Commands"],
        operation_id=_name.replace("-", "_"),
        summary=_verb.summary,
    )(needs(*_verb.scopes)(_route(_name, _verb)))


def _answered(request: HttpRequest, answer: Answer, *, status: int) -> HttpResponse:
    """The request as the command left it; for a replay, what was answered the first time."""
    shown = answer.shown or _as_it_stands(request, answer)
    response = HttpResponse(shown, status=status, content_type="application/json")
    response["ETag"] = f'"{answer.version}"'
    if status == 201:
        response["Location"] = f"{showing.ROOT}/requests/{answer.ref}"
    if answer.is_replay:
        response["Idempotent-Replayed"] = "true"
    return response


def _as_it_stands(request: HttpRequest, answer: Answer) -> str:
    """For a replay of what a page did: nothing was shown then."""
    item = queries.find(answer.ref, caller(request))
    return showing.answered(item, answer.event, timezone.now())


def _key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise Problem(
            "idempotency-key-missing",
            "Send an Idempotency-Key, so that a repeated command is not carried out twice.",
        )
    return key


def seen(header: str | None) -> Seen:
    """The versions that `If-Match` names: any of them will do, a weak one never does."""
    if header is None or header == "*":
        return None
    tags = [tag.strip(BLANK) for tag in header.split(",")]
    matches = [ETAG.fullmatch(tag) for tag in tags]
    if not all(matches):
        raise Problem("malformed", 'If-Match must name versions in quotes, such as "7".')
    strong = [match[2] for match in matches if not match[1]]
    return frozenset(int(tag) for tag in strong if tag.isdigit() and len(tag) < 18) or NO_VERSION

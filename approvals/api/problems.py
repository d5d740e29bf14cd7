"""Every error of the API as `application/problem+json` (RFC 9457), and the list of its types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from approvals.refusals import CommandInFlight, DuplicateRequest, Invalid, Refusal
from audit.correlation import current_request_id

RETRY_SOON_S = 2
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class ProblemType:
    """One type: a stable title, its status, what it means and what the caller does about it."""

    title: str
    status: int
    meaning: str
    advice: str


PROBLEMS: dict[str, ProblemType] = {
    "idempotency-key-missing": ProblemType(
        "The Idempotency-Key header is missing",
        400,
        "Commands need a key, so that a repeated one is not carried out twice.",
        "Send a new random key for each thing you want done, and the same key when you repeat it.",
    ),
    "idempotency-key-malformed": ProblemType(
        "The Idempotency-Key header cannot be used",
        400,
        "It is empty, longer than 255 characters, sent twice, or holds something that is not "
        "visible ASCII. A bare key holds no comma; put it in quotes if it must.",
        "Send one key of 1 to 255 visible ASCII characters. A UUID is best.",
    ),
    "malformed": ProblemType(
        "The request could not be read",
        400,
        "The body is not one JSON object in UTF-8, did not arrive whole, is nested too deeply, "
        "names a field twice, or a header contradicts another.",
        "Mend the request. Nothing was recorded.",
    ),
    "validation": ProblemType(
        "A field cannot be used",
        400,
        "`errors` names each field by a JSON Pointer and says what is wrong with it.",
        "Mend the fields and send it again; the same key may be used, for nothing was recorded.",
    ),
    "cursor": ProblemType(
        "The cursor is not one of ours",
        400,
        "It was changed, or was made for other filters.",
        "Start again without a cursor.",
    ),
    "unauthenticated": ProblemType(
        "Nobody is signed in",
        401,
        "The token is missing, unknown, revoked, at its end, or its owner's account is closed.",
        "Send `Authorization: Bearer aq_…` with a token that is alive.",
    ),
    "not-allowed": ProblemType(
        "You may not do this",
        403,
        "`detail` is the sentence that the pages show, too; `rule` names the rule that refused.",
        "Ask an administrator for the right, or let the right person do it.",
    ),
    "not-found": ProblemType(
        "There is nothing here that you can see",
        404,
        "It does not exist, or it is not for you to see; these are not told apart.",
        "Check the reference.",
    ),
    "method-not-allowed": ProblemType(
        "This address does not know that method",
        405,
        "`Allow` lists the methods that it knows.",
        "Use one of those.",
    ),
    "not-acceptable": ProblemType(
        "Only JSON is spoken here",
        406,
        "The `Accept` header asks for something else.",
        "Accept `application/json`.",
    ),
    "transition-not-allowed": ProblemType(
        "It cannot be done in this state",
        409,
        "The request is past that, or not there yet. `state` says where it is.",
        "Read the request again.",
    ),
    "command-in-flight": ProblemType(
        "Somebody is changing this right now",
        409,
        "Another command holds the request, or the first one with this key is still running.",
        "Send it again with the same key after `Retry-After` seconds.",
    ),
    "duplicate-request": ProblemType(
        "This is already asked for",
        409,
        "An open request asks for the same thing; `links.open` leads to it, if you may see it.",
        "Follow that one, or withdraw it.",
    ),
    "revision-mismatch": ProblemType(
        "The content changed after you saw it",
        409,
        "`changes` lists what you saw and what stands there now.",
        "Read it again and decide anew, with a new key.",
    ),
    "step-closed": ProblemType(
        "Somebody else decided this step first",
        409,
        "`closed_by` and `closed_at` say who and when.",
        "Read the request again.",
    ),
    "version-mismatch": ProblemType(
        "It changed after you read it",
        412,
        "The `If-Match` header names a version that is no longer the newest.",
        "Read it again; its `ETag` is the version.",
    ),
    "too-large": ProblemType(
        "The body is too large",
        413,
        "A body may have 512 kB at most.",
        "Send less.",
    ),
    "unsupported-media-type": ProblemType(
        "Only JSON is read here",
        415,
        "The body is not declared as `application/json` in UTF-8, or is compressed.",
        "Send `Content-Type: application/json` without a content encoding.",
    ),
    "idempotency-key-reused": ProblemType(
        "The key was used for something else",
        422,
        "A key belongs to one command with one body on one request. It is kept for 7 days.",
        "Use a new key for a new command.",
    ),
    "revision-required": ProblemType(
        "Say which revision and step you saw",
        428,
        "A decision counts only for the content that its author saw.",
        "Send `revision` and `step` as you read them from the request.",
    ),
    "rate-limited": ProblemType(
        "Too many requests",
        429,
        "The token, or the address it comes from, has used up its allowance.",
        "Wait `Retry-After` seconds. A command whose answer is kept under its key is answered "
        "all the same.",
    ),
    "internal": ProblemType(
        "Something broke here",
        500,
        "`detail` says whether anything was recorded.",
        "Send it again with the same key: it is never carried out twice. "
        "Give the `request_id` to an engineer.",
    ),
    "unavailable": ProblemType(
        "It cannot be answered right now",
        503,
        "The database does not answer, or may only be read. `detail` says whether anything was "
        "recorded.",
        "Send it again with the same key after `Retry-After` seconds.",
    ),
}
OF_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
    429: "rate-limited",
    500: "internal",
    503: "unavailable",
}
# Facts of refusals that are for programs; the others stay inside.
TOLD = ("rule", "state", "step", "closed_by", "closed_at", "changes", "now", "seen")


class Problem(Exception):
    """An error that the API itself finds, before or beside any command."""

    def __init__(
        self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extras: Any
    ) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
        self.headers, self.extras = headers or {}, extras


def answer(
    request: HttpRequest,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    request_id: str = "",
    **extras: Any,
) -> HttpResponse:
    """The response for a problem of type `code`."""
    kind = PROBLEMS[code]
    body = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request.path,
        "request_id": request_id or current_request_id(),
        **extras,
    }
    return JsonResponse(
        body,
        status=kind.status,
        headers=headers,
        content_type=MEDIA_TYPE,
        json_dumps_params={"ensure_ascii": False},
    )


def unusable(field: str, detail: str) -> Problem:
    """One field of a body that cannot be used."""
    return Problem("validation", detail, errors=[{"pointer": f"/{field}", "detail": detail}])


def of_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return answer(request, problem.code, problem.detail, headers=problem.headers, **problem.extras)


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """What a command refused, in the one shape. A replay is the refusal of the first time."""
    extras = {name: refusal.facts[name] for name in TOLD if name in refusal.facts}
    headers = {}
    if isinstance(refusal, Invalid):
        extras["errors"] = [
            {"pointer": pointer(name), "detail": detail} for name, detail in refusal.errors.items()
        ]
    elif refusal.code == "validation":
        extras["errors"] = [{"pointer": "", "detail": refusal.sentence}]  # the body as a whole
    if isinstance(refusal, CommandInFlight):
        headers["Retry-After"] = str(RETRY_SOON_S)
    if isinstance(refusal, DuplicateRequest) and refusal.facts.get("ref"):
        ref = refusal.facts["ref"]
        extras |= {"ref": ref, "links": {"open": f"/api/v1/requests/{ref}"}}
    if refusal.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return answer(
        request,
        refusal.code,
        refusal.sentence,
        headers=headers,
        request_id=refusal.request_id,
        **extras,
    )


OF_THE_WHOLE = (
    "kind",
    "queue",
    "customer",
    "ticket",
    "reason",
    "reference",
    "revision",
    "step",
    "payload",
)


def pointer(field: str) -> str:
    """A JSON Pointer (RFC 6901) to a field of a command's body."""
    name = field.replace("~", "~0").replace("/", "~1")
    return f"/{name}" if field in OF_THE_WHOLE else f"/payload/{name}"

"""The published OpenAPI 3.1 document: what ninja generates, completed with headers, errors,
examples and links."""

import copy
from typing import Any

from approvals import kinds
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import REF, ProblemShape

DESCRIPTION = """Ask for something that people decide, decide it, keep it moving and follow what \
happens: the same commands as the pages, with the same rules.

Every command takes an `Idempotency-Key`: repeated with the same key it is carried out once and \
answered the same (`Idempotent-Replayed: true`). Keys are kept for 7 days. Money is an integer in \
minor units. Times are RFC 3339 in UTC. Errors are `application/problem+json`; each type has a page."""

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new one for each thing you want done; the same one when you repeat it. Bare "
    "as here, or in quotes. A UUID is best.",
    "schema": {
        "type": "string",
        # Bare, all that is visible but a comma; in quotes, commas as well, and \" and \\ for " and \.
        "pattern": r'^(?!""$)(?:[!-+\--~]{1,255}|"(?:[!#-\[\]-~]|\\["\\]){1,255}")$',
        "examples": ["0c9f6d5e-8f5b-4a41-9b41-3d6f8f2f9a10"],
    },
}
TAG = r'(?:W/)?"[!#-+\--~]*"'
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` that you read: the command is refused when anything changed since.",
    "schema": {
        "type": "string",
        "pattern": rf"^(?:\*|{TAG}(?:[ \t]*,[ \t]*{TAG})*)$",
        "examples": ['"7"'],
    },
}
REPLAYED = {
    "description": "`true` when the key was used before and this is the answer of that time.",
    "schema": {"type": "string", "enum": ["true"]},
}
ETAG = {"description": "The version of the request.", "schema": {"type": "string"}}
LOCATION = {"description": "Where the new request is.", "schema": {"type": "string"}}
RETRY_AFTER = {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
EVERYWHERE = {
    "X-Request-ID": {
        "description": "Of this call; also in every problem, log line and event.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of each limit and when it is full again.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {"description": "The limits.", "schema": {"type": "string"}},
}
TOO_LONG = {
    "description": "The address is too long: refused by the web server, before it gets here.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
ALWAYS = (
    "unauthenticated",
    "not-allowed",
    "not-acceptable",
    "rate-limited",
    "internal",
    "unavailable",
)
OF_ANY_COMMAND = (
    "idempotency-key-missing",
    "idempotency-key-malformed",
    "command-in-flight",
    "version-mismatch",
    "idempotency-key-reused",
)
OF_A_BODY = ("malformed", "validation", "too-large", "unsupported-media-type")
OF_A_VERB = ("transition-not-allowed", "revision-mismatch", "step-closed", "duplicate-request")

EXAMPLES: dict[str, dict[str, Any]] = {
    "submit": {
        "kind": "refund",
        "payload": {
            "order": "88120",
            "payment": "pi_88120",
            "amount": 124000,
            "currency": "EUR",
            "reason_code": "lost_parcel",
        },
        "customer": "A. Silva",
        "ticket": "ZD-5120",
        "reason": "Parcel lost, carrier confirmed.",
    },
    "approve": {"revision": 1, "step": 1},
    "reject": {"revision": 1, "step": 1, "reason": "Paid back last week already."},
    "send_back": {"revision": 1, "step": 1, "reason": "Which of the two orders is it?"},
    "withdraw": {"reason": "The parcel arrived."},
    "hold": {"reason": "Asking the provider."},
    "note": {"reason": "The carrier answers tomorrow."},
    "copy_reply": {"language": "de"},
    "settle": {
        "revision": 1,
        "happened": True,
        "reason": "Seen in the provider's dashboard at 09:30.",
        "reference": "re_1Nx",
    },
    "confirm_settlement": {"revision": 1, "reason": "Seen there, too."},
    "simulatePolicy": {
        "version": 1,
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-11-24T00:00:00Z",
    },
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """A document of its own; the one handed in is left as it was."""
    whole = copy.deepcopy(dict(document))
    whole["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    whole["servers"] = [{"url": "/"}]
    whole["tags"] = [
        {"name": "Requests", "description": "What is asked for, and where it stands."},
        {"name": "Commands", "description": "What changes a request."},
        {"name": "Events", "description": "What happened, in order."},
        {"name": "Policies", "description": "Which approvals a request needs."},
    ]
    _add_problem(whole["components"]["schemas"])
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    _describe_submit(whole)
    _link(whole["paths"])
    return whole


def _add_problem(schemas: dict[str, Any]) -> None:
    shape = ProblemShape.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(shape.pop("$defs", {}))
    shape["properties"]["type"]["enum"] = [f"/problems/{code}" for code in PROBLEMS]
    schemas["ProblemShape"] = shape


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    is_command = method == "post" and "simulations" not in path
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["name"] == "ref":
            parameter["schema"] = {"type": "string", "pattern": REF, "examples": ["RF-2041"]}
            parameter["description"] = "The reference, in capitals or not."
        if parameter["name"] == "key":
            parameter["schema"] = KEY["schema"]
        parameter["schema"] = _never_null(parameter["schema"])
    if is_command:
        parameters.append(KEY)
    if is_command and "{ref}" in path:
        parameters.append(IF_MATCH)
    _add_example(operation)
    _add_errors(path, operation, is_command=is_command, has_body=method == "post")
    _add_headers(path, operation, is_command=is_command)


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or it isn't: no text means null."""
    plain = {name: value for name, value in schema.items() if name not in ("title", "default")}
    for one in plain.pop("anyOf", []):
        if one != {"type": "null"}:
            plain |= one
    return plain


def _add_example(operation: dict[str, Any]) -> None:
    example = EXAMPLES.get(operation["operationId"])
    if example is None or "requestBody" not in operation:
        return
    operation["requestBody"]["content"]["application/json"]["examples"] = {
        "usual": {"value": example}
    }


def _codes(path: str, operation: dict[str, Any], *, is_command: bool, has_body: bool) -> list[str]:
    codes = [*ALWAYS, "malformed", "validation"]
    if has_body:
        codes += OF_A_BODY
    if "{" in path:
        codes.append("not-found")
    if is_command:
        codes += OF_ANY_COMMAND
    if is_command and "{ref}" in path:
        codes += OF_A_VERB
    if operation["operationId"] == "submit":
        codes.append("duplicate-request")
    if any(parameter["name"] in ("cursor", "after") for parameter in operation["parameters"]):
        codes.append("cursor")
    if "revision" in str(operation.get("requestBody", "")) or operation["operationId"] in (
        "approve",
        "reject",
        "send_back",
        "resubmit",
        "settle",
        "confirm_settlement",
    ):
        codes.append("revision-required")
    return codes


def _add_errors(path: str, operation: dict[str, Any], *, is_command: bool, has_body: bool) -> None:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(_codes(path, operation, is_command=is_command, has_body=has_body)):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        operation["responses"][str(status)] = _error(status, codes)
    operation["responses"]["414"] = TOO_LONG
    operation["responses"] = {str(key): value for key, value in operation["responses"].items()}


def _error(status: int, codes: list[str]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": "#/components/schemas/ProblemShape"},
        "examples": {code: {"value": _example_of(code)} for code in codes},
    }
    told = [f"`{code}`: {PROBLEMS[code].meaning}" for code in codes]
    error: dict[str, Any] = {
        "description": " ".join(told),
        "content": {"application/problem+json": content},
        "headers": {"X-Request-ID": EVERYWHERE["X-Request-ID"]},
    }
    if status in (409, 429, 503):
        error["headers"]["Retry-After"] = RETRY_AFTER
    return error


def _example_of(code: str) -> dict[str, Any]:
    kind = PROBLEMS[code]
    return {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
        "instance": "/api/v1/requests/RF-2041",
        "request_id": "6f1c9e0b2c7d4f5e8a9b0c1d2e3f4a5b",
    }


def _add_headers(path: str, operation: dict[str, Any], *, is_command: bool) -> None:
    for status in ("200", "201"):
        success = operation["responses"].get(status)
        if success is None:
            continue
        headers = dict(EVERYWHERE)
        if is_command or operation["operationId"] == "getRequest":
            headers["ETag"] = ETAG
        if is_command:
            headers["Idempotent-Replayed"] = REPLAYED
        if status == "201":
            headers["Location"] = LOCATION
        success["headers"] = headers


def _describe_submit(whole: dict[str, Any]) -> None:
    """`kind` decides what `payload` holds: one alternative for each kind that is installed."""
    schema = whole["components"]["schemas"]
    common = _schema_of(whole, "/api/v1/requests")
    alternatives = []
    for kind in kinds.all_kinds().values():
        one = copy.deepcopy(common)
        one["title"] = kind.label
        one["description"] = kind.description
        one["properties"]["kind"] = {"const": kind.slug, "type": "string"}
        one["properties"]["payload"] = dict(kind.payload_schema)
        alternatives.append(one)
    schema["Submit"] = {"oneOf": alternatives, "title": "Submit"}


def _schema_of(whole: dict[str, Any], path: str) -> dict[str, Any]:
    body = whole["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    if "$ref" not in body["schema"]:
        found = body["schema"]
    else:
        found = whole["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[-1]]
    body["schema"] = {"$ref": "#/components/schemas/Submit"}
    return found


def _link(paths: dict[str, Any]) -> None:
    """From the answer of a new request to what can be done with it."""
    made = paths["/api/v1/requests"]["post"]["responses"]["201"]
    made["links"] = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {"ref": "$response.body#/ref"},
        }
        for path, operations in paths.items()
        if path.startswith("/api/v1/requests/{ref}")
        for operation in operations.values()
    }

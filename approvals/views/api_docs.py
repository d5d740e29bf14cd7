"""The API in words: its OpenAPI document as one readable page, without a script."""

import functools
import json
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals.api.problems import PROBLEMS
from approvals.api.v1 import api

SCHEMAS = "#/components/schemas/"


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    return render(request, "approvals/api_docs.html", _page())


@functools.cache
def _page() -> dict[str, Any]:
    document = api.get_openapi_schema()
    groups = {tag["name"]: {**tag, "calls": []} for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            call = _call(document, method.upper(), path, operation)
            groups[operation["tags"][0]]["calls"].append(call)
    return {
        "description": document["info"]["description"].split("\n\n"),
        "groups": list(groups.values()),
    }


def _call(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = next(iter(body.get("examples", {}).values()), {}).get("value")
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "description": " ".join(operation["description"].split()),
        "parameters": [_parameter(one) for one in operation["parameters"]],
        "bodies": _bodies(document, body.get("schema")),
        "curl": _curl(method, path, operation, example),
        "answers": _answers(operation),
    }


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "place": one["in"],
        "needed": one["required"],
        "type": _type(one["schema"]),
        "description": one.get("description", ""),
    }


def _bodies(document: dict[str, Any], schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each alternative of a body with its fields; `payload`'s own fields come below it."""
    if schema is None:
        return []
    whole = _resolved(document, schema)
    found = []
    for one in whole.get("oneOf", [whole]):
        payload = one.get("properties", {}).get("payload", {})
        fields = _fields(document, one) + _fields(document, payload, before="payload.")
        if fields:
            found.append({"title": one["title"] if "oneOf" in whole else "", "fields": fields})
    return found


def _fields(document: dict[str, Any], schema: dict[str, Any], before: str = "") -> list[dict]:
    needed = schema.get("required", [])
    return [
        {
            "name": f"{before}{name}",
            "needed": name in needed,
            "type": _type(_resolved(document, field)),
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return document["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]


def _type(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"“{schema['const']}”"
    if "enum" in schema:
        values = [str(value) for value in schema["enum"]]
        return ", ".join(values) if len(values) < 20 else f"{', '.join(values[:3])} and so on"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    return schema.get("format") or schema.get("type", "anything")


def _curl(method: str, path: str, operation: dict[str, Any], example: Any) -> str:
    address = path.replace("{ref}", "RF-2041").replace("{slug}", "refunds").replace("{key}", "K")
    lines = [f'curl -H "Authorization: Bearer $TOKEN" "$URL{address}"']
    if method == "POST":
        if any(one["name"] == "Idempotency-Key" for one in operation["parameters"]):
            lines.append('  -H "Idempotency-Key: $(uuidgen)"')
        lines.append('  -H "Content-Type: application/json"')
        lines.append(f"  -d '{json.dumps(example or {})}'")
    return " \\\n".join(lines)


def _answers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Each status with the types of problem that it may carry."""
    found = []
    for status, answer in operation["responses"].items():
        problem = answer.get("content", {}).get("application/problem+json")
        codes = list(problem["examples"]) if problem else []
        found.append(
            {"status": status, "problems": [{"code": c, "title": PROBLEMS[c].title} for c in codes]}
        )
    return found

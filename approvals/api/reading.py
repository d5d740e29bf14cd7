"""Reading a body strictly: one JSON object in UTF-8, whole, and without anything ambiguous."""

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from ninja.parser import Parser

from approvals.api.problems import Problem
from approvals.wording import is_storable

DEEPEST = 20


class StrictParser(Parser):
    """How ninja reads bodies here; they are checked by `check_body` before it comes to that."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return request.json_body


def check_body(request: HttpRequest) -> None:
    """Read the body of a request that may have one. Raise `Problem`; an empty body is `{}`."""
    request.json_body = {}
    body = _whole_body(request)
    if not body:
        request._body = b"{}"  # ninja would say that the whole body is missing, not which field
        return
    _check_type(request)
    request.json_body = _object(body)


def _whole_body(request: HttpRequest) -> bytes:
    if "Transfer-Encoding" in request.headers:
        raise Problem("malformed", "Send the body whole, with its Content-Length.")
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise Problem("too-large", "The body is larger than 512 kB.") from error
    except UnreadablePostError as error:
        raise Problem("malformed", "The body did not arrive whole.") from error
    told = request.META.get("CONTENT_LENGTH") or ""
    if told and told.isascii() and told.isdigit() and int(told) != len(body):
        raise Problem("malformed", "The body did not arrive whole.")
    return body


def _check_type(request: HttpRequest) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem("unsupported-media-type", "A compressed body is not read here.")
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != "application/json" or charset not in ("utf-8", "utf8"):
        raise Problem("unsupported-media-type", "The body must be application/json in UTF-8.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise Problem(
            "malformed", f"The body is not JSON that can be read: {_said(error)}."
        ) from error
    if not isinstance(read, dict):
        raise Problem("malformed", "The body must be one JSON object.")
    _check_values(read, 0)
    return read


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)[:120].rstrip(".")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a field is named twice")
    return read


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_values(value: Any, depth: int) -> None:
    """Raise `Problem` for what could not be stored or would mean something else to others."""
    if depth > DEEPEST:
        raise Problem("malformed", f"The body is nested deeper than {DEEPEST} levels.")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_values(name, depth)
            _check_values(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, depth + 1)
    elif isinstance(value, str) and not is_storable(value):
        raise Problem("malformed", "The body holds a character that cannot be stored.")
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise Problem("malformed", "The body holds a number that is too large.")

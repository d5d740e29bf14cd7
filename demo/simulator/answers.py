"""What a caller gets to see."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    disguise: str = ""
    """How it is spoiled on its way out: garbage, huge or drip."""

    def with_header(self, name: str, value: str) -> "Answer":
        return replace(self, headers={**self.headers, name: value})


class Refused(Exception):
    """Ends a call early with this answer; nothing was done."""

    def __init__(self, answer: Answer):
        super().__init__(answer.body)
        self.answer = answer


def error(
    status: int,
    code: str | None,
    message: str,
    *,
    type: str = "invalid_request_error",
    param: str | None = None,
) -> Answer:
    """Both services share this shape. Stripe's clients read `type`, other ones `code`."""
    facts = {"type": type, "code": code, "message": message, "param": param}
    body = {name: value for name, value in facts.items() if value is not None}
    return Answer(status=status, body={"error": body})


def utc(timestamp: float) -> str:
    """RFC 3339 in UTC."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

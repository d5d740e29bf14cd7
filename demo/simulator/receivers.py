"""Two programs that are told by webhooks what happens: one content, one that knows not every type."""

from .answers import Answer, error
from .call import Call
from .provider import Provider

UNKNOWN_TYPES = {"reports": ["request.report_late_failure"]}


def hear(provider: Provider, call: Call, name: str) -> Answer:
    told = call.json_object().get("type")
    if told in UNKNOWN_TYPES.get(name, []):
        return error(422, "unknown_type", f"The report has no column for {told}.")
    return Answer(status=200, body={"heard": True})

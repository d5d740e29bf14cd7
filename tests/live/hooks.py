"""What schemathesis cannot know: a new key for each command, and requests that exist.

Without it nearly every generated command would end at “key reused” or “not found” and never reach
the commands themselves. One call in four is left as it was generated.
"""

import itertools
import os
import uuid

import schemathesis
from schemathesis import GenerationMode

NUMBERS = itertools.count()
REFS = os.environ.get("SCHEMATHESIS_REFS", "RF-1001").split(",")


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    number = next(NUMBERS)
    if number % 4 == 0 or case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
        case.headers.pop("If-Match", None)
    if "ref" in (case.path_parameters or {}):
        case.path_parameters["ref"] = REFS[number % len(REFS)]
    if isinstance(case.body, dict):
        for name in ("revision", "step"):
            if name in case.body:
                case.body[name] = 1

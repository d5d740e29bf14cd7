"""Why a command was not carried out. Pages and API render these in one place each.

`code` is the problem type of contract §5, `sentence` is for people, `facts` for programs.
`is_final` says that the same command with the same key would be refused again: it is stored.
"""

from collections.abc import Mapping
from typing import Any

from accounts.verdicts import Verdict


class Refusal(Exception):
    """A command that changed nothing."""

    code = "refused"
    status = 409
    is_final = False
    is_replay = False
    request_id = ""  # of the request that was refused first, when this one is a replay

    def __init__(self, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts: Mapping[str, Any] = facts


class NotFound(Refusal):
    """Missing, or not for these eyes: the same answer."""

    code, status = "not-found", 404

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no request {ref[:40]} that you can see.")


class NotAllowed(Refusal):
    code, status = "not-allowed", 403

    def __init__(self, verdict: Verdict, **facts: Any) -> None:
        super().__init__(verdict.sentence, rule=verdict.code, **facts)


class Invalid(Refusal):
    """What was typed can't be used. `errors` maps a field's name to a sentence."""

    code, status = "validation", 400

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()), errors=dict(errors))
        self.errors = errors


class TransitionNotAllowed(Refusal):
    code, is_final = "transition-not-allowed", True


class TooEarly(TransitionNotAllowed):
    """Not yet: the same command can be right in a moment, so it is not stored."""

    is_final = False


class RevisionMismatch(Refusal):
    """The content changed after the decider saw it. `changes`: [{field, seen, now}]."""

    code, is_final = "revision-mismatch", True


class StepClosed(Refusal):
    """Somebody else decided this step first. Facts say who and when."""

    code, is_final = "step-closed", True


class VersionMismatch(Refusal):
    code, status = "version-mismatch", 412


class DuplicateRequest(Refusal):
    """The same thing is already asked for. `ref` names the open request."""

    code, is_final = "duplicate-request", True


class NoPolicy(Refusal):
    """No row of the policy speaks of such a request: nobody may decide that nobody is needed."""

    code, status = "validation", 400  # not kept: right once an administrator has added the rule


class KeyReused(Refusal):
    code, status = "idempotency-key-reused", 422


class CommandInFlight(Refusal):
    code = "command-in-flight"


class KeyMalformed(Refusal):
    code, status = "idempotency-key-malformed", 400


def stored(code: str, sentence: str, facts: dict) -> Refusal:
    """A final refusal, as it was given the first time."""
    for kind in (
        TransitionNotAllowed,
        RevisionMismatch,
        StepClosed,
        DuplicateRequest,
        NoPolicy,
    ):
        if kind.code == code:
            return kind(sentence, **facts)
    return Refusal(sentence, **facts)

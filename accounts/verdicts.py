"""May somebody do something? Yes, or no with the sentence that everybody shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The answer to one question. `code` names the rule that refused, `sentence` says it."""

    allowed: bool
    code: str = ""
    sentence: str = ""

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Verdict(allowed=True)


def denied(code: str, sentence: str) -> Verdict:
    return Verdict(allowed=False, code=code, sentence=sentence)

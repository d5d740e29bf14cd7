"""Why a webhook was not delivered, in plain words: one catalogue. `{status}` may stand in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """`plain` completes “The receiver …”; `next_step` is for the person who looks after it."""

    code: str
    plain: str
    next_step: str


_WAIT = "It is tried again by itself."
_CATALOGUE = [
    Cause(
        "not-reached", "could not be reached", "Check that the host is up and its name is right."
    ),
    Cause("no-answer", "did not answer within 15 s", "Answer first, and work afterwards."),
    Cause("connection-lost", "dropped the connection before it answered", _WAIT),
    Cause(
        "certificate",
        "showed a certificate that is not trusted",
        "Renew the receiver's certificate, with its whole chain.",
    ),
    Cause(
        "redirected",
        "answered {status} and pointed elsewhere, which is not followed",
        "Enter the final URL here.",
    ),
    Cause(
        "gone",
        "answered 410: it wants no more webhooks",
        "Enable the endpoint when it wants them again.",
    ),
    Cause("throttled", "answered {status}: it asks for less for a while", _WAIT),
    Cause("refused", "refused it with status {status}", "Read what it said in the evidence."),
    Cause(
        "address-not-allowed",
        "has a name that leads to an address that is not public",
        "Only public addresses are called. Check the name's DNS entries.",
    ),
    Cause(
        "url-not-allowed",
        "has a URL that is not allowed any more",
        "Enter another URL, with https.",
    ),
    Cause(
        "secret-unreadable",
        "has a secret that we cannot read any more",
        "Rotate the secret, and give the new one to the receiver.",
    ),
    Cause("worker-died", "may have got it: our worker stopped while sending", _WAIT),
    Cause("unrecognised", "could not be called; see the evidence", "Page an engineer."),
]
CAUSES = {cause.code: cause for cause in _CATALOGUE}


def plain(code: str, status: int | None) -> str:
    """“Refused it with status 500”; "" when there is no cause."""
    if not code:
        return ""
    words = CAUSES.get(code, CAUSES["unrecognised"]).plain.format(status=status)
    return words[0].upper() + words[1:]


def next_step(code: str) -> str:
    return CAUSES.get(code, CAUSES["unrecognised"]).next_step if code else ""

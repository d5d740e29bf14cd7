"""What a provider said, in a form that may be kept and shown: masked and short."""

import json
import logging
from urllib.parse import quote

from django.conf import settings

from approvals import kinds
from approvals.hiding import hidden
from approvals.kinds.base import Kind, Payload
from audit import masking

LONGEST = 2000

log = logging.getLogger("approvals.kinds.evidence")


def masked(text: str) -> str:
    """`text` without keys, card numbers and account numbers, at most 2,000 characters."""
    own = [*kinds.secrets(), *settings.SECRETS]  # an error of our own code may hold any of them
    text = masking.masked(text.replace("\x00", ""), own=own)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def kept(text: str, kind: Kind, payload: Payload) -> str:
    """What may be kept of an answer about this payload: private facts only so far that they can be told
    apart. A kind whose facts cannot be read keeps nothing of it; what came of the call is not lost."""
    try:
        private = {fact.value for fact in kind.facts(payload) if fact.is_private}
    except Exception as error:  # the code of a kind may raise anything
        log.exception("The facts of %s cannot be read", kind.slug)
        return f"Not kept: its private facts could not be read ({type(error).__name__})."
    for value in sorted(private, key=len, reverse=True):
        for written in {value, json.dumps(value)[1:-1], quote(value, safe="")} - {""}:
            text = text.replace(written, hidden(value))
    return masked(text)

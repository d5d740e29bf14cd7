"""Text without keys, card numbers and account numbers, for whatever is kept, shown or logged."""

import re
from collections.abc import Iterable

SECRETS = re.compile(
    r"\b(?:sk|rk|pk|whsec|aq)_[A-Za-z0-9_+/=-]{6,}"
    r"|\b\w+_secret_\w{6,}"  # of one payment: pi_..._secret_...
    r"|\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a signed token (JWT)
    r"|(?i:\b(?:bearer|basic)[\s:]+)[^\s\"']+"
    r"|(?<=://)[^\s/@]+:[^\s/@]+(?=@)"
)
CARD = re.compile(r"(?<!\d)(?:\d[ \u00a0\u2009\u202f.-]?){12,}\d")
IBAN = re.compile(r"\b([A-Z]{2}\d{2})[ \u00a0A-Z0-9-]{8,36}([A-Z0-9]{4})\b")
SMALL_IBAN = re.compile(r"\b([a-z]{2}\d{2})[a-z0-9]{8,26}([a-z0-9]{4})\b")
SHORTEST_SECRET = 6  # anything shorter is a word that may stand anywhere
_HIDDEN: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """From now on these are hidden in every text of this process, logs with them."""
    _HIDDEN.update(secrets)


def masked(text: str, *, own: Iterable[str] = ()) -> str:
    """`own`: our own secrets, which are hidden wherever they stand, as those of `hide` are."""
    for secret in sorted({*own, *_HIDDEN}, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    text = SECRETS.sub("[secret]", text)
    text = CARD.sub(lambda match: f"[card ..{match[0][-4:]}]", text)
    for account in (IBAN, SMALL_IBAN):
        text = account.sub(r"\1..\2", text)
    return text


def holds_key(text: str) -> bool:
    return SECRETS.search(text) is not None

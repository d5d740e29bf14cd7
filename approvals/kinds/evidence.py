"""What a provider said, in a form that may be kept and shown: masked and short."""

import re

LONGEST = 2000
SECRETS = re.compile(r"\b(?:sk|rk|pk|whsec|aq)_[A-Za-z0-9_]{6,}|(?i:bearer\s+)\S+")
CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
IBAN = re.compile(r"\b([A-Z]{2}\d{2})[ A-Z0-9]{8,30}([A-Z0-9]{4})\b")


def masked(text: str) -> str:
    """`text` without keys, card numbers and account numbers, at most 2,000 characters."""
    text = SECRETS.sub("[secret]", text.replace("\x00", ""))
    text = CARD.sub(lambda match: f"[card ..{match[0][-4:]}]", text)
    text = IBAN.sub(r"\1..\2", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

"""What is shown of where a customer is paid or written to: enough to tell it apart.

Pure. The whole value is shown to who asks for it, which is recorded (`commands/exports.py`).
"""

import re

SHORTEST = 8  # letters and digits; what is shorter, such as a limit, tells nothing of anybody
IBAN = re.compile(r"[A-Z]{2}\d{2}")
ADDRESS = re.compile(r"(.)[^@]*(@[^@]+)")


def hidden(value: str) -> str:
    """“DE89370400440532013000” → “DE89 ..3000”, “ana@example.org” → “a…@example.org”."""
    if found := ADDRESS.fullmatch(value.strip()):
        return f"{found[1]}…{found[2]}"
    bare = re.sub(r"[\W_]", "", value)
    if len(bare) < SHORTEST:
        return value
    country = f"{bare[:4]} " if IBAN.match(bare) else ""
    return f"{country}..{bare[-4:]}"

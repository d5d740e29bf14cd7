"""What a provider said, in a form that may be kept and shown: masked and short."""

from django.conf import settings

from audit import masking

LONGEST = 2000


def masked(text: str) -> str:
    """`text` without keys, card numbers and account numbers, at most 2,000 characters."""
    own = [settings.STRIPE_API_KEY, settings.ACCOUNT_SERVICE_SECRET]
    text = masking.masked(text.replace("\x00", ""), own=[*own, *settings.STRIPE_WEBHOOK_SECRETS])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

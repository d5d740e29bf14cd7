"""Where providers tell that something changed. Signed, never signed in, and never believed."""

import logging

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from approvals.commands.hear import hear
from approvals.kinds import stripe_webhook

LARGEST_BODY = 256 * 1024
log = logging.getLogger("approvals.hooks")


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Stripe repeats for three days what is not answered with a 2xx."""
    secrets = settings.STRIPE_WEBHOOK_SECRETS
    if not secrets:
        log.error("A webhook came, and STRIPE_WEBHOOK_SECRET is not set: it was not read")
        return _say(503, "Webhooks are not set up here: STRIPE_WEBHOOK_SECRET is missing.")
    if _length(request) > LARGEST_BODY:
        return _say(413, f"A webhook can have at most {LARGEST_BODY:,} bytes.")
    try:
        signature = request.headers.get("Stripe-Signature", "")
        hint = stripe_webhook.read(request.body, signature, secrets)
    except UnreadablePostError:
        return _say(400, "The body did not arrive whole.")
    except stripe_webhook.Unacceptable as refusal:
        log.warning("A webhook was refused: %s", refusal)
        return _say(400, str(refusal))
    return _heard(hint)


def _length(request: HttpRequest) -> int:
    told = request.META.get("CONTENT_LENGTH") or ""
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0


def _heard(hint: stripe_webhook.Hint | None) -> HttpResponse:
    if hint is None:
        return _say(200, "Nothing here depends on this event.")
    try:
        heard = hear(hint, at=timezone.now())
    except OperationalError:
        log.warning("A webhook could not be recorded", exc_info=True)
        return _say(503, "Nothing was recorded; send it again.")
    return _say(200, f"Heard: {heard}.")


def _say(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")

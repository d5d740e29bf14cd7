"""Stripe's own client over our own bounded call, and the list of a payment's refunds."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import stripe
from django.conf import settings

from approvals.kinds.calling import CallFailed, call

PAGE = 100
MOST_PAGES = 20
# For all pages together; one more call may follow, and both must end before the lease does.
LOOK_UP_S = 25


class Unreadable(Exception):
    """Stripe answered something that is no refund list, or longer than what is read of it."""


class BoundedClient(stripe.HTTPClient):
    """What Stripe's client sends through. Only JSON objects get past it."""

    name = "bounded"

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = call(
                method.upper(),
                url,
                headers=headers or {},
                content=content,
                seconds=settings.STRIPE_TIMEOUT_S,
                keeps=True,
            )
        except CallFailed as failure:
            raise stripe.APIConnectionError(str(failure)) from failure
        if not _is_stripe_s(answer.status, answer.fields):
            raise stripe.APIError(
                answer.said, http_status=answer.status, headers=dict(answer.headers)
            )
        return answer.body, answer.status, answer.headers

    def close(self) -> None:
        """What is kept open between calls belongs to the thread."""


def client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,  # retries are ours: with an attempt, an event and a stored time
        http_client=BoundedClient(),
    )


def refunds_of(asked: stripe.StripeClient, field: str, payment: str) -> Iterator[dict[str, Any]]:
    """Every refund of a payment, newest first, each once.

    Raise `Unreadable` when the list can't be trusted to be whole, `stripe.StripeError` when a page
    was not answered.
    """
    started, seen, after = time.monotonic(), set(), {}
    for _ in range(MOST_PAGES):
        if time.monotonic() - started > LOOK_UP_S:
            raise Unreadable("The list of refunds took too long to read.")
        page = plain(asked.v1.refunds.list({field: payment, "limit": PAGE, **after}))
        refunds, has_more = page.get("data"), page.get("has_more")
        if not _is_page(refunds, has_more):
            raise Unreadable("The answer is not a list of refunds.")
        for refund in refunds:
            if isinstance(refund.get(field), str) and refund[field] != payment:
                raise Unreadable("The list holds refunds of another payment.")
            if refund["id"] not in seen:
                seen.add(refund["id"])
                yield refund
        if not has_more:
            return
        after = {"starting_after": refunds[-1]["id"]}
    raise Unreadable(f"The payment has more than {MOST_PAGES * PAGE:,} refunds.")


def plain(answered: object) -> dict[str, Any]:
    """The answer as a dictionary; an empty one for what is none."""
    return answered.to_dict() if isinstance(answered, stripe.StripeObject) else {}


def _is_stripe_s(status: int, fields: dict[str, Any] | None) -> bool:
    """Whether an answer has the form in which Stripe says yes or no."""
    if fields is None:
        return False
    if 200 <= status < 300:
        return isinstance(fields.get("object"), str)
    return isinstance(fields.get("error"), dict)


def _is_page(refunds: object, has_more: object) -> bool:
    if not isinstance(refunds, list) or not isinstance(has_more, bool):
        return False
    are_named = all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in refunds)
    return are_named and bool(refunds or not has_more)

"""Finding requests by what people call them: a reference, ticket, order, account, payment, customer
or the provider's own reference, in any case and spacing; or by their key at the provider. Reads only,
and by indexes.
"""

import functools
import operator
import re

from django.db.models import Q, QuerySet, Value
from django.db.models.lookups import Exact, StartsWith

from approvals.models import ApprovalRequest, Attempt, Effect
from approvals.models.search import (
    BETWEEN,
    NAMED_IN_PAYLOAD,
    HasWords,
    SearchKey,
    in_payload,
)

MOST = (
    1000  # so many are looked at, the newest first, before what the reader may not see is left out
)
SHORTEST_WORD = 2
NOTHING = Q(pk__in=())


def exactly(text: str) -> Q:
    """The request itself, or all that carry exactly this ticket, order, account, payment or customer.

    Case, spaces and dashes don't matter.
    """
    if _is_empty(text):
        return NOTHING
    return functools.reduce(operator.or_, _by_name(text))


def _by_name(text: str) -> list[Q]:
    wanted = SearchKey(Value(text))
    names = ("ref", "ticket", "customer", *map(in_payload, NAMED_IN_PAYLOAD))
    return [Q(Exact(SearchKey(name), wanted)) for name in names]


def matching(text: str) -> Q:
    """As `exactly`, and by the beginning of a reference or of the words of a customer's name."""
    if _is_empty(text):
        return NOTHING
    found = exactly(text) | Q(StartsWith(SearchKey("ref"), _escaped(text)))
    words = [word for word in re.findall(r"\w+", text) if len(word) >= SHORTEST_WORD]
    if words:
        found |= Q(HasWords("customer", Value(" & ".join(f"'{word}':*" for word in words))))
    return found


def of_customer(name: str) -> Q:
    return Q(Exact(SearchKey("customer"), SearchKey(Value(name))))


def known_to_provider_as(text: str) -> list[QuerySet]:
    """The ids of requests whose effect, or any call for it, has this reference or key at the provider."""
    if _is_empty(text):
        return []
    same = Exact(SearchKey("provider_reference"), SearchKey(Value(text)))
    named = ~Q(provider_reference="")
    return [
        Effect.objects.filter(named, same).order_by().values_list("item"),
        Attempt.objects.filter(named, same).order_by().values_list("effect__item"),
        Effect.objects.filter(key=text.strip()).order_by().values_list("item"),
    ]


def named(text: str) -> QuerySet:
    """The ids of what is called exactly this, for `pk__in`: some `MOST` by each kind of name."""
    if _is_empty(text):
        return ApprovalRequest.objects.none()
    first, *more = (_newest(one) for one in _by_name(text))
    return first.union(*more, *known_to_provider_as(text))


def resembling(text: str) -> QuerySet:
    """The same of what is called something like it."""
    return ApprovalRequest.objects.none() if _is_empty(text) else _newest(matching(text))


def _newest(named: Q) -> QuerySet:
    """Limited, so that the database looks here first, and only then at what the reader may see."""
    found = ApprovalRequest.objects.filter(named).order_by("-created_at", "-id")
    return found.values_list("pk")[:MOST]


def _is_empty(text: str) -> bool:
    return not text.translate(dict.fromkeys(map(ord, BETWEEN))).strip()


def _escaped(text: str) -> str:
    """The key of `text`, for the beginning of a reference: those are plain letters and digits."""
    return text.translate(dict.fromkeys(map(ord, BETWEEN))).lower()

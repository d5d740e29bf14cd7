"""Who may decide the open step, as a condition for queries: the same as `may("approve", …)`.

Cover adds nobody where there was nobody: a seat that can be taken for somebody is one from which they
could decide themselves.
"""

from django.db.models import BooleanField, Exists, Func, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts import grants
from accounts.models import Membership
from approvals.models import Decision, Queue


def who_may_decide() -> QuerySet[Membership]:
    """Memberships whose person may decide the open step of the outer request."""
    is_contributor = Func(
        OuterRef("contributor_keys"),
        Cast("user__person_key", TextField()),
        function="jsonb_exists",
        output_field=BooleanField(),
    )
    without_money = Func(
        OuterRef("amount"), template="(%(expressions)s IS NULL)", output_field=BooleanField()
    )
    spoke = Decision.objects.filter(
        item=OuterRef(OuterRef("pk")),
        revision=OuterRef(OuterRef("revision")),
        step=OuterRef(OuterRef("step")),
        voided_at=None,
    ).filter(Q(person_key=OuterRef("user__person_key")) | Q(voice=OuterRef("user__person_key")))
    return Membership.objects.filter(
        Q(limit_amount=None)
        | Q(without_money)
        | Q(limit_currency=OuterRef("currency"), limit_amount__gte=OuterRef("amount")),
        grants.holds(
            "decide_request", Queue, user=OuterRef("user"), object_id=OuterRef(OuterRef("queue"))
        ),
        ~Q(user__person_key=OuterRef("requester_key")),
        ~Q(is_contributor),
        ~Exists(spoke),
        group=OuterRef("waiting_team"),
        user__is_active=True,
        user__is_service=False,
    )

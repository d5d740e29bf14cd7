"""The one change in the outside world that a request causes, and every try to cause it."""

import hashlib
import uuid
from datetime import UTC
from typing import Any

from django.db import models

from approvals.models.recorded import RowAsRead
from approvals.models.search import SearchKey
from approvals.models.writing import WrittenRow


class Effect(RowAsRead):
    """At most one for each request, with a key that never changes (I1).

    The lease says which worker may act; `epoch` rises with every claim, so that a worker which
    comes back late can't write (fencing). `sent_at` is the newest try that may have reached the
    provider; None proves that nothing was sent, or that nothing came of it. `ask_first`: an earlier
    try may have been seen there after all, so the next one asks before it sends.
    """

    item = models.OneToOneField("ApprovalRequest", models.PROTECT, related_name="effect")
    key = models.CharField(max_length=60, unique=True)
    revision = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    max_attempts = models.PositiveSmallIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    next_question_at = models.DateTimeField(null=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    leased_by = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField(null=True)
    first_sent_at = models.DateTimeField(null=True)
    # The first try since a person last had it tried again: the provider's key window runs from here.
    window_began_at = models.DateTimeField(null=True)
    ask_first = models.BooleanField(default=False)
    last_cause = models.CharField(max_length=60, blank=True)
    provider_reference = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True)
    # When the provider said that what it had confirmed has failed: the effect no longer stands.
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_question_at"],
                condition=models.Q(next_question_at__isnull=False),
                name="effect_questions",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(lease_until__isnull=False),
                name="effect_leases",
            ),
            models.Index(
                fields=["provider_reference"],
                condition=~models.Q(provider_reference=""),
                name="effect_references",
            ),
            models.Index(
                fields=["settled_at"],
                condition=models.Q(settled_at__isnull=False),
                name="effect_settled",
            ),
            models.Index(
                SearchKey("provider_reference"),
                condition=~models.Q(provider_reference=""),
                name="effect_called",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_proven_absent(self) -> bool:
        """Nothing was sent, or it is known that nothing of it stands at the provider."""
        return self.sent_at is None and (self.settled_at is None or self.undone_at is not None)


def effect_key(requester_key: uuid.UUID, principal: str, command_key: str) -> str:
    """What the effect of a request is called, by who asked for it and with which idempotency key.

    Nothing of it is ours to lose: a submission that the database has forgotten, after a restore or a
    promotion, and that is sent again with its key, is known to the provider by the same name.
    """
    origin = f"{requester_key} {principal} {command_key}"
    return f"aq-{hashlib.sha256(origin.encode()).hexdigest()[:24]}"


def first_effect(item: Any) -> dict[str, Any]:
    """The fields of the effect of a request that never had one.

    A request without a name for it (`effect_key`) gets one that follows from what never changes of it.
    """
    origin = f"{item.stream} {item.created_at.astimezone(UTC).isoformat()} {item.requester_key}"
    own = f"aq-{item.ref}-{hashlib.sha256(origin.encode()).hexdigest()[:12]}"
    return {
        "key": item.effect_key or own,
        "revision": item.revision,
        "content_hash": item.content_hash,
        "max_attempts": item.max_attempts,
    }


class Purpose(models.TextChoices):
    SEND = "send", "Try"
    LOOK_UP = "look_up", "Question"
    PROBE = "probe", "Question whether the system answers again"


class Attempt(WrittenRow):
    """One call to the provider, written before the call. `outcome` is empty while it runs."""

    effect = models.ForeignKey(Effect, models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    epoch = models.PositiveIntegerField()
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    worker = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    cause = models.CharField(max_length=60, blank=True)
    provider_reference = models.CharField(max_length=200, blank=True)
    evidence = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        # The table stands in parts, one for each month of `started_at` (migration 0013). That a number
        # is given once is seen to by a trigger.
        indexes = [
            models.Index(fields=["effect", "number"], name="attempt_number"),
            models.Index(
                fields=["cause", "-started_at"],
                condition=~models.Q(cause=""),
                name="attempt_failures",
            ),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(purpose="send", outcome="done"),
                name="attempt_done",
            ),
            models.Index(
                SearchKey("provider_reference"),
                condition=~models.Q(provider_reference=""),
                name="attempt_called",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effect_id} call {self.number}"

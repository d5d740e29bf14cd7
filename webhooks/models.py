"""Where events are told, which ones, and what became of each telling."""

from datetime import datetime

from django.db import models

from approvals.models import Queue
from audit.feed import Place


class Endpoint(models.Model):
    """One receiver. `actions` and `queues` narrow what it is told; empty means all.

    `place_…` is where it has arrived in the feed. `failures` counts failed tries in a row and
    `failing_since` is the first of them; until `quiet_until` nothing is sent. Whoever holds the lease
    is the only one who sends to it; `epoch` shuts out a sender whose lease was taken over.
    """

    name = models.CharField(max_length=60)
    url = models.CharField(max_length=500)
    actions = models.JSONField(default=list)
    queues = models.ManyToManyField(Queue, related_name="+")
    secret = models.TextField()  # sealed, as is the old one
    old_secret = models.TextField(blank=True)
    old_secret_until = models.DateTimeField(null=True)
    place_xid = models.BigIntegerField()
    place_id = models.BigIntegerField()
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    quiet_until = models.DateTimeField(null=True)
    last_cause = models.CharField(max_length=60, blank=True)
    last_status = models.PositiveIntegerField(null=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    leased_by = models.CharField(max_length=100, blank=True)
    last_delivered_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name", "pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(old_secret="", old_secret_until=None)
                | (~models.Q(old_secret="") & models.Q(old_secret_until__isnull=False)),
                name="endpoint_old_secret_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        return f"webhook/{self.pk}"

    @property
    def place(self) -> Place:
        return Place(self.place_xid, self.place_id)

    @place.setter
    def place(self, place: Place) -> None:
        self.place_xid, self.place_id = place.xid, place.id

    def takes(self, action: str) -> bool:
        return not self.actions or action in self.actions

    def is_free_at(self, at: datetime) -> bool:
        """Whether somebody may send to it now."""
        is_leased = self.lease_until is not None and self.lease_until > at
        is_quiet = self.quiet_until is not None and self.quiet_until > at
        return self.disabled_at is None and not is_leased and not is_quiet

    def forget_failures(self) -> None:
        """It answered, or begins anew: those before say nothing about it any more."""
        self.failures, self.failing_since, self.quiet_until = 0, None, None
        self.last_cause, self.last_status = "", None

    def sealed_secrets_at(self, at: datetime) -> list[str]:
        """The newest first; during a rotation the old one, too."""
        if self.old_secret_until is not None and self.old_secret_until > at:
            return [self.secret, self.old_secret]
        return [self.secret]


class DeliveryState(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """One event for one endpoint. `body` is what is sent, byte for byte the same at each try.

    `tries` counts those since it was last begun: a replay begins anew, under the same id.
    """

    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="deliveries")
    # Events stand in parts by month, which no foreign key can point to; a month is only taken out when
    # no delivery of it is left (`approvals.archiving`).
    event = models.ForeignKey(
        "audit.Event", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    body = models.TextField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    last_cause = models.CharField(max_length=60, blank=True)
    last_status = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="delivery_once"),
            models.CheckConstraint(
                condition=models.Q(state="waiting", next_at__isnull=False)
                | (~models.Q(state="waiting") & models.Q(next_at=None)),
                name="delivery_waits_for_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "state", "-id"], name="delivery_log"),
            models.Index(
                fields=["endpoint", "next_at"],
                name="delivery_due",
                condition=models.Q(state="waiting"),
            ),
            models.Index(
                fields=["delivered_at"],
                name="delivery_old",
                condition=models.Q(state="delivered"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.endpoint_id}"

    @property
    def message_id(self) -> str:
        """The `webhook-id`: the same at every try, for every endpoint, after every replay."""
        return f"msg_{bytes(self.event.hash).hex()[:32]}"


class DeliveryAttempt(models.Model):
    """One try. `cause` is "" when it was delivered; `finished_at` None while it is under way."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField()
    worker = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    cause = models.CharField(max_length=60, blank=True)
    evidence = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} attempt {self.number}"

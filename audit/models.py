"""What happened, one row for each event, in one chain for each stream.

The database keeps the rules (see migration 0002): a row is never changed or removed, a stream has
no gap, and its head advances by the insertion of an event and by nothing else.
"""

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.fields.json import KeyTextTransform


class TransactionId(models.Field):
    """PostgreSQL's 64-bit id of a transaction, which never wraps around."""

    def db_type(self, connection: object) -> str:
        return "xid8"

    def from_db_value(self, value: object, *_: object) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: int | None) -> str | None:
        return None if value is None else str(value)


class Stream(models.Model):
    """The head of one chain: the number and hash of its newest event."""

    stream = models.TextField(primary_key=True)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="audit_stream_head")]

    def __str__(self) -> str:
        return f"{self.stream} at {self.seq}"


class Leaf(models.Model):
    """An event in the tree of all events, once nothing older can still be written."""

    index = models.BigIntegerField(primary_key=True)
    stream = models.TextField()
    seq = models.BigIntegerField()
    hash = models.BinaryField()  # the event's own

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="audit_leaf_once")]

    def __str__(self) -> str:
        return f"{self.stream}#{self.seq} at {self.index}"


class Node(models.Model):
    """The root of a complete part of the tree: of 16, 256, 4096, … leaves (level 4, 8, 12, …)."""

    level = models.PositiveSmallIntegerField()
    number = models.BigIntegerField()  # how many parts of this size stand before it
    hash = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["level", "number"], name="audit_node_once")]

    def __str__(self) -> str:
        return f"{self.number} of level {self.level}"


class Checkpoint(models.Model):
    """A signed root of the tree. `xid` and `event_id`: the last event under it, in the feed's order."""

    number = models.BigIntegerField(primary_key=True)
    size = models.BigIntegerField()
    note = models.TextField()
    made_at = models.DateTimeField()
    xid = TransactionId()
    event_id = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number}, {self.size} events"


class Copy(models.Model):
    """A checkpoint stands at this place outside, too."""

    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, related_name="copies")
    place = models.CharField(max_length=500)
    written_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "place"], name="audit_copy_once")
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} at {self.place}"


class Archive(models.Model):
    """A part of events or attempts that stands in a file now (`audit.archive`).

    `ranges`: the leaves of its events, as pairs of the first and the one after the last; `root`: SHA-256
    over their hashes in that order. Of attempts there are none.
    """

    table = models.CharField(max_length=40)
    part = models.CharField(max_length=20)
    rows = models.BigIntegerField()
    ranges = models.JSONField(default=list)
    root = models.CharField(max_length=64, blank=True)
    file = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    with_private = models.BooleanField()
    archived_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["table", "part"], name="audit_archive_once"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.part}"


class Outcome(models.TextChoices):
    SUCCESS = "success"
    DENIED = "denied"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


class Event(models.Model):
    """One command, or one refused attempt at a command."""

    stream = models.TextField()
    seq = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_type = models.CharField(max_length=20)  # person, service, worker, clock, provider
    actor_id = models.CharField(max_length=100)
    actor_label = models.CharField(max_length=200)
    on_behalf_of = models.CharField(max_length=200, blank=True)
    auth_method = models.CharField(max_length=20, blank=True)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=100)
    version_before = models.BigIntegerField(null=True)
    version_after = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    policy = models.CharField(max_length=80, blank=True)
    changes = models.JSONField(default=list)  # [{field, before, after}]
    facts = models.JSONField(default=dict)  # what the sentence about the event needs
    context = models.JSONField(default=dict)  # request id, source address, job, attempt
    key_hash = models.CharField(max_length=64, blank=True)  # of the idempotency key
    row = models.JSONField(default=dict)  # columns of the target's row as this event leaves them
    schema_version = models.PositiveSmallIntegerField(default=2)

    # `reason`, `changes` and this may hold personal data. The hash covers commitments to them, so that
    # they can be taken out later (with `salt`) while the chain still holds; see `audit.commitments`.
    private_row = models.JSONField(default=dict)
    salt = models.BinaryField(null=True)
    commitments = models.JSONField(default=dict)

    prev_hash = models.BinaryField()
    hash = models.BinaryField()
    # Whose transaction wrote it; the order of the feed. Given by the database, outside of the hash.
    xid = TransactionId(
        db_default=Func(function="pg_current_xact_id", output_field=models.TextField()),
        editable=False,
    )

    class Meta:
        # The table stands in parts, one for each month of `recorded_at` (migration 0007). That a place
        # in a stream is taken once is seen to by the stream's head.
        indexes = [
            models.Index(fields=["stream", "seq"], name="audit_event_place"),
            models.Index(fields=["xid", "id"], name="audit_event_feed"),
            models.Index(fields=["target_type", "target_id", "recorded_at"]),
            # Those of the explorer: each of its filters can lead a look, newest first.
            models.Index(fields=["recorded_at", "id"], name="audit_event_newest"),
            models.Index(fields=["action", "recorded_at", "id"], name="audit_event_of_action"),
            models.Index(fields=["actor_id", "recorded_at", "id"], name="audit_event_of_actor"),
            models.Index(fields=["target_type", "recorded_at", "id"], name="audit_event_of_type"),
            models.Index(
                fields=["outcome", "recorded_at", "id"],
                name="audit_event_not_done",
                condition=~Q(outcome="success"),
            ),
            models.Index(
                KeyTextTransform("correlation_id", "context"),
                F("recorded_at"),
                name="audit_event_interaction",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream}#{self.seq} {self.action}"

"""The approvals a request needs, what people decided, and what they noted."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce

from approvals.models.recorded import RowAsRead
from approvals.wording import short_name


class Step(RowAsRead):
    """One stage of approval of one revision. Rows of earlier revisions stay as history."""

    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="all_steps")
    revision = models.PositiveIntegerField()
    number = models.PositiveSmallIntegerField()
    team = models.ForeignKey(Group, models.PROTECT)
    quorum = models.PositiveSmallIntegerField()
    due_after_s = models.PositiveIntegerField(null=True)
    warn_after_s = models.PositiveIntegerField(null=True)
    person_present = models.BooleanField(default=False, db_default=False)
    # Further teams whose members may decide it, also those it was widened to.
    also_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    with_previous = models.BooleanField(default=False, db_default=False)
    hours_of = models.ForeignKey(Group, models.PROTECT, null=True, related_name="+")
    # What the clock does while it waits: [{after_s, do, to}]; how many of them were done.
    escalations = models.JSONField(default=list, db_default=[])
    escalated = models.PositiveSmallIntegerField(default=0, db_default=0)
    escalates_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    warn_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["item", "revision", "number"], name="step_once"),
            models.CheckConstraint(condition=models.Q(quorum__gte=1), name="step_has_a_quorum"),
        ]
        indexes = [
            models.Index(
                fields=["closed_at"],
                condition=models.Q(closed_at__isnull=False),
                name="step_closed",
            ),
            models.Index(
                fields=["escalates_at"],
                condition=models.Q(escalates_at__isnull=False),
                name="step_escalates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} step {self.number}"

    @property
    def team_ids(self) -> list[int]:
        """Whose members may decide it."""
        return [self.team_id, *self.also_ids]

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None and self.closed_at is None


class Choice(models.TextChoices):
    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"
    SEND_BACK = "send_back", "Sent back"


class Decision(RowAsRead):
    """One person's word on one step and one revision. Only `voided_at` is ever set later.

    `person_key` names the human, so a second account is not a second voice. `voice` is whose say it
    was: their own, or that of the person in whose place they said it.
    """

    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="decisions")
    revision = models.PositiveIntegerField()
    step = models.PositiveSmallIntegerField()
    choice = models.CharField(max_length=10, choices=Choice.choices)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    person_key = models.UUIDField()
    # In whose place it was said, when it was said under cover.
    covered = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    covered_key = models.UUIDField(null=True)
    voice = models.GeneratedField(
        expression=Coalesce("covered_key", "person_key"),
        output_field=models.UUIDField(),
        db_persist=True,
    )
    # By whom the glass was broken, when they had no seat of their own.
    glass = models.ForeignKey("BreakGlass", models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64)
    decided_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["decided_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "revision", "step", "person_key"],
                condition=models.Q(voided_at=None),
                name="decision_once_per_person_and_step",
            ),
            models.UniqueConstraint(
                fields=["item", "revision", "step", "voice"],
                condition=models.Q(voided_at=None),
                name="decision_once_per_voice_and_step",
            ),
        ]
        indexes = [
            models.Index(fields=["person_key", "-decided_at"]),
            models.Index(fields=["-decided_at"], name="decision_lately"),
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()} by {self.decided_by}"


def speaker(decision: Decision) -> str:
    """“L. Sand”, or “L. Sand for I. Weber”."""
    name = short_name(decision.decided_by.name)
    return f"{name} for {short_name(decision.covered.name)}" if decision.covered else name


class Note(models.Model):
    """What somebody wants the next person to know. Doesn't touch what is approved."""

    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text[:60]

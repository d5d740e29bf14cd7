"""What becomes a policy's next version: a table that is still being written."""

from datetime import timedelta

from django.conf import settings
from django.db import models

from approvals.models import Policy, PolicyVersion


class DraftState(models.TextChoices):
    OPEN = "open", "Draft"
    PUBLISHED = "published", "Published"
    DISCARDED = "discarded", "Discarded"


class Draft(models.Model):
    """A table, and everybody who wrote any of it: none of them may publish it.

    `version` counts its changes, so that nobody publishes what they did not see.
    """

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="drafts")
    based_on = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)  # the policy's, as this draft would have it
    table = models.JSONField()
    purpose = models.TextField(blank=True)  # why, for who publishes and for who asks in a year
    state = models.CharField(max_length=10, choices=DraftState.choices, default=DraftState.OPEN)
    version = models.PositiveIntegerField(default=1)
    contributor_keys = models.JSONField(default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    published_as = models.OneToOneField(
        PolicyVersion, models.PROTECT, null=True, related_name="draft"
    )
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        default_permissions = ()
        ordering = ["-updated_at", "-id"]

    def __str__(self) -> str:
        return f"draft {self.pk} of {self.policy}"


LOST_AFTER = timedelta(minutes=2)  # without a word of how far it is


class Trial(models.Model):
    """A table that is tried over the requests of a period. `result` as `simulation.Simulation` says.

    `failure` is a sentence for one that ended without a result. `seen_at`: when it last said how far.
    """

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="trials")
    draft = models.ForeignKey(Draft, models.PROTECT, null=True, related_name="trials")
    of = models.CharField(max_length=60)  # what is tried, as people say it
    table = models.JSONField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    requests_seen = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    failure = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["asked_by"], condition=models.Q(finished_at=None), name="trial_one_a_person"
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at=None, result__isnull=True, failure="")
                | models.Q(finished_at__isnull=False, result__isnull=False, failure="")
                | models.Q(finished_at__isnull=False, result__isnull=True) & ~models.Q(failure=""),
                name="trial_ends_with_a_result_or_a_sentence",
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.pk} of {self.policy}"


class TrialRow(models.Model):
    """A request that would be treated otherwise, or that nobody could approve."""

    trial = models.ForeignKey(Trial, models.CASCADE, related_name="rows")
    ref = models.CharField(max_length=20)
    way = models.CharField(max_length=20)
    was = models.CharField(max_length=120)
    would_be = models.CharField(max_length=120, blank=True)
    nobody = models.BooleanField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["trial", "way", "id"], name="trial_rows"),
            models.Index(
                fields=["trial", "id"], condition=models.Q(nobody=True), name="trial_nobody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}: {self.way}"

"""What becomes a policy's next version: a table that is still being written."""

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

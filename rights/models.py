"""What waits for a second administrator before anybody may do more than today."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

LIVES = timedelta(days=7)


class ProposalState(models.TextChoices):
    OPEN = "open", "Waits for another administrator"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Proposal(models.Model):
    """Changes of who may do what, as `rights.changes` writes them, and what they said then."""

    changes = models.JSONField()
    sentences = models.JSONField()
    reason = models.TextField()
    state = models.CharField(
        max_length=10, choices=ProposalState.choices, default=ProposalState.OPEN
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state=ProposalState.OPEN, ended_at=None, ended_by=None)
                | models.Q(ended_at__isnull=False, ended_by__isnull=False)
                & ~models.Q(state=ProposalState.OPEN),
                name="proposal_ends_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"change {self.pk} of rights"

    def has_lapsed(self, at: datetime) -> bool:
        """What was asked for long ago is asked for again, not accepted."""
        return self.state == ProposalState.OPEN and at - self.asked_at > LIVES

"""What people found out about an effect whose outcome no program could tell."""

from django.conf import settings
from django.db import models


class Settlement(models.Model):
    """One person's finding with its evidence; it counts once a second person has confirmed it."""

    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="settlements")
    revision = models.PositiveIntegerField()
    happened = models.BooleanField()
    evidence = models.TextField()
    reference = models.CharField(max_length=200, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    person_key = models.UUIDField()
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    is_dropped = models.BooleanField(default=False)

    class Meta:
        ordering = ["proposed_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item"],
                condition=models.Q(confirmed_at=None, is_dropped=False),
                name="settlement_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {'happened' if self.happened else 'did not happen'}"

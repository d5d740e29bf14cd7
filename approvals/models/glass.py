"""Breaking the glass: somebody without a seat decides in an emergency, and is looked at afterwards."""

from django.conf import settings
from django.db import models


class BreakGlass(models.Model):
    """For a short time `opened_by` may decide this revision. A second person looks at it afterwards."""

    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="glass_breaks")
    revision = models.PositiveIntegerField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    person_key = models.UUIDField()
    reason = models.TextField()
    opened_at = models.DateTimeField()
    until = models.DateTimeField()
    looked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    looked_at = models.DateTimeField(null=True)
    finding = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["opened_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("opened_at")), name="glass_closes_later"
            ),
            models.CheckConstraint(
                condition=models.Q(looked_by=None, looked_at=None)
                | models.Q(looked_by__isnull=False, looked_at__isnull=False)
                & ~models.Q(looked_by=models.F("opened_by")),
                name="glass_looked_at_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} by {self.opened_by}"

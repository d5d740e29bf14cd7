"""Which of a provider's webhooks were heard, so that a repeated one changes nothing."""

from django.db import models


class ProviderEvent(models.Model):
    """One webhook about one of our requests. Kept for `sweeping.PROVIDER_EVENTS_KEPT`."""

    system = models.CharField(max_length=20)
    event_id = models.CharField(max_length=100)
    type = models.CharField(max_length=60)
    item = models.ForeignKey("ApprovalRequest", models.PROTECT, related_name="provider_events")
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "event_id"],
                name="provider_event_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.event_id}"

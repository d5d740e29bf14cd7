"""An outside system: may effects be sent to it now? Held by a person, or paused by its breaker."""

from datetime import datetime

from django.conf import settings
from django.db import models


class System(models.Model):
    """One row for each system that was ever held or has ever failed; no row means that it runs.

    `failures` counts sends in a row that the system failed; `probes` the questions without an answer
    since it was paused.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    held_at = models.DateTimeField(null=True)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    hold_reason = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0)
    paused_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    probes = models.PositiveIntegerField(default=0)
    last_cause = models.CharField(max_length=60, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(paused_at=None) | models.Q(probe_at__isnull=False),
                name="system_paused_is_probed",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stopped(self) -> bool:
        """Nothing is sent to it now."""
        return self.held_at is not None or self.paused_at is not None

    def is_probed_at(self, at: datetime) -> bool:
        """Whether it is time to ask if it answers again."""
        return self.held_at is None and self.paused_at is not None and self.probe_at <= at

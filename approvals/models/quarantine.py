"""That nothing is sent until a restored database was compared with the providers (decision 0029)."""

from django.conf import settings
from django.db import models


class Cluster(models.Model):
    """Where this database was last seen by a worker: one row.

    `copies` is the number of the newest checkpoint that a place outside was seen to hold. A promotion
    begins a new `timeline`; `is_waited_for` says whether commits waited for a standby until then.
    """

    identifier = models.CharField(max_length=20)
    timeline = models.BigIntegerField(null=True)
    is_waited_for = models.BooleanField(default=False, db_default=False)
    copies = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"cluster {self.identifier}"


def _person() -> models.ForeignKey:
    return models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")


class Quarantine(models.Model):
    """At most one is open. Without `begun_by` a worker has recognised the restore."""

    reason = models.TextField()
    is_open = models.BooleanField(default=True)
    begun_at = models.DateTimeField()
    begun_by = _person()
    reconciled_at = models.DateTimeField(null=True)
    reconciled_by = _person()
    asked_at = models.DateTimeField(null=True)
    asked_by = _person()
    released_at = models.DateTimeField(null=True)
    released_by = _person()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["is_open"], condition=models.Q(is_open=True), name="one_open_quarantine"
            ),
            models.CheckConstraint(
                condition=models.Q(is_open=True) | models.Q(released_at__isnull=False),
                name="quarantine_ends_by_release",
            ),
        ]

    def __str__(self) -> str:
        return f"quarantine {self.pk}"

    @property
    def stream(self) -> str:
        return f"quarantine/{self.pk}"

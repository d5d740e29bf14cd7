"""What a person wants to be told about a cause: nothing more, until it grows."""

from django.conf import settings
from django.db import models


class CauseWatch(models.Model):
    """This person has seen the cause; it is news again with more than `above` open requests."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    cause = models.CharField(max_length=60)
    above = models.PositiveIntegerField()
    set_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "cause"], name="cause_watch_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cause} above {self.above}"

"""That a customer is to be forgotten: asked for by one person, confirmed by another."""

from django.conf import settings
from django.db import models


class Erasure(models.Model):
    """`customer` is empty once it is done; `count` is how many requests were then forgotten."""

    customer = models.CharField(max_length=100, blank=True)
    reason = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"erasure {self.pk}"

    @property
    def stream(self) -> str:
        return f"erasure/{self.pk}"

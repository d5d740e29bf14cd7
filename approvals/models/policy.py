"""Decision tables, in versions that never change."""

from django.conf import settings
from django.db import models

from approvals.policy_table import parse
from approvals.routing import Rule


class Policy(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    live = models.ForeignKey("PolicyVersion", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """Loaded is live-able, and loaded is final: the database refuses a change."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    table = models.JSONField()
    loaded_at = models.DateTimeField()
    reason = models.TextField(blank=True, db_default="")
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.policy} {self.number}"

    @property
    def rules(self) -> list[Rule]:
        return parse(self.table)

"""The checks of the record: who asked for one, how far it is, and what it found."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import IsNull

LOST_AFTER = timedelta(minutes=2)  # without a word of how far it is


class VerificationRun(models.Model):
    """One check of all chains. `asked_by` is None for the clock's.

    `result`, of one that came to its end: {streams, events, breaks: [{stream, seq, sentence, kind}],
    breaks_found}. `failure` is a sentence for one that ended without a result.
    """

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # when it last said how far it is
    events_seen = models.BigIntegerField(default=0)
    events_expected = models.BigIntegerField(null=True)  # an estimate
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    failure = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                IsNull(F("finished_at"), True),
                condition=Q(finished_at=None),
                name="auditing_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, result__isnull=True, failure="")
                | Q(finished_at__isnull=False, result__isnull=False, failure="")
                | Q(finished_at__isnull=False, result__isnull=True) & ~Q(failure=""),
                name="auditing_ends_with_a_result_or_a_sentence",
            ),
        ]
        indexes = [models.Index(fields=["-asked_at"], name="auditing_newest_check")]

    def __str__(self) -> str:
        return f"check {self.pk}"

    @property
    def took(self) -> timedelta | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    @property
    def is_intact(self) -> bool:
        return self.result is not None and not self.result["breaks_found"]

    @property
    def is_broken(self) -> bool:
        return self.result is not None and bool(self.result["breaks_found"])

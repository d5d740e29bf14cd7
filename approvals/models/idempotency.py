"""What became of a command, kept under its caller's key (mechanisms §1)."""

from django.db import models

from approvals.models.writing import WrittenRow


class IdempotencyRecord(WrittenRow):
    """The stored answer. Written in the command's own transaction, so there is no stuck claim."""

    principal = models.CharField(max_length=100)
    operation = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "key"],
                name="idempotency_key_of_caller",
            )
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key[:20]}"

"""What a currency is worth in another, as somebody loaded it."""

from django.db import models


class ExchangeRate(models.Model):
    """One unit of `currency` is worth `rate` units of `base` (whole units, not minor ones)."""

    currency = models.CharField(max_length=3)
    base = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=24, decimal_places=10)
    as_of = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="rate_is_positive"),
            models.UniqueConstraint(fields=["currency", "base", "as_of"], name="rate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} in {self.base}, {self.as_of:%Y-%m-%d}"

"""Who uses the product: people and services, their teams, and what a member may decide."""

import uuid
import zoneinfo
from datetime import datetime, time

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    Group,
    PermissionsMixin,
)
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from audit.recorder import Actor


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone. Write it like Europe/Athens.")


def city_of(time_zone: str) -> str:
    """“Europe/Athens” → “Athens”, as people say it."""
    return time_zone.rsplit("/", 1)[-1].replace("_", " ")


class UserManager(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Two accounts of one human share `person_key`, so that they count once."""

    THEMES = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")]
    MOTIONS = [("system", "As the system"), ("reduce", "Less motion")]
    DENSITIES = [("comfortable", "Comfortable"), ("compact", "Compact")]

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    person_key = models.UUIDField(
        default=uuid.uuid4,
        db_index=True,
        help_text="Give two accounts of one human the same key: together they count once.",
    )
    is_service = models.BooleanField(
        default=False,
        help_text="A program. It may submit; it never counts as an approver.",
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the administration pages.")
    time_zone = models.CharField(max_length=50, default="UTC", validators=[validate_time_zone])
    theme = models.CharField(max_length=10, choices=THEMES, default="system")
    density = models.CharField(max_length=12, choices=DENSITIES, default="comfortable")
    motion = models.CharField(max_length=10, choices=MOTIONS, default="system")
    shortcuts = models.BooleanField(
        "Single-key shortcuts",
        default=False,
        help_text="Such as j and k for the next and the last row. None of them decides anything.",
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    # Until then they decide nothing: how they sign in was renewed (see `accounts.holding`).
    held_until = models.DateTimeField(null=True, editable=False)
    groups = models.ManyToManyField(
        Group,
        through="Membership",
        related_name="user_set",
        related_query_name="user",
        verbose_name="teams",
    )

    objects = UserManager()

    # How this person came in: by a session, or by a token of the API. Not stored.
    auth_method = "session"

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def place(self) -> str:
        """The city of their time zone."""
        return city_of(self.time_zone)

    @property
    def actor(self) -> Actor:
        """Who did it, for events of their own account."""
        kind = "service" if self.is_service else "person"
        return Actor(kind, str(self.pk), self.name, auth_method=self.auth_method)


class Team(Group):
    """A Django group with a place and hours. Hours are local to `time_zone`, Monday is 0."""

    time_zone = models.CharField(max_length=50, default="UTC", validators=[validate_time_zone])
    opens_at = models.TimeField(default=time(9))
    closes_at = models.TimeField(default=time(17, 30))
    work_days = models.CharField(max_length=7, default="01234")
    needs_second_factor = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its members set up a second factor before they do anything else.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opens_at__lt=models.F("closes_at")),
                name="team_opens_first",
            )
        ]

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def place(self) -> str:
        """The city of the time zone, as people say it."""
        return city_of(self.time_zone)


class Membership(models.Model):
    """A person in a team, and the largest amount that they may decide there.

    `limit_amount` is in minor units of `limit_currency`; no amount means no limit.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    is_lead = models.BooleanField(default=False)
    limit_amount = models.BigIntegerField(null=True, blank=True)
    limit_currency = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "group"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(limit_amount=None, limit_currency="")
                | models.Q(limit_amount__gte=0, limit_currency__regex=r"^[A-Z]{3}$"),
                name="membership_limit_has_a_currency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"


class Ceiling(models.Model):
    """What a team's approvals may come to within 24 hours; with `user`, those of one member for it.

    `amount` is in minor units of `currency`.
    """

    team = models.ForeignKey(Team, models.CASCADE, related_name="ceilings")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="ceilings")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user"], nulls_distinct=False, name="ceiling_once"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0, currency__regex=r"^[A-Z]{3}$"),
                name="ceiling_is_money",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team}: {self.amount} {self.currency} in 24 hours"


class Cover(models.Model):
    """For a while, `by` may decide in the place of `person`, on the chosen queues.

    It lends a seat in a team and its limit, never the right to a queue. Chains are not followed: what
    is lent to `person` is not lent on. It ends by itself; `ended_at` is set when it is ended early.
    """

    person = models.ForeignKey(User, models.CASCADE, related_name="covers")
    by = models.ForeignKey(User, models.CASCADE, related_name="covering")
    queues = models.ManyToManyField("approvals.Queue", related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(starts_at__lt=models.F("ends_at")), name="cover_ends_later"
            ),
            models.CheckConstraint(
                condition=~models.Q(person=models.F("by")), name="cover_by_somebody_else"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by} for {self.person}"

    @staticmethod
    def running(at: datetime) -> models.Q:
        """Which covers hold at this moment."""
        return models.Q(starts_at__lte=at, ends_at__gt=at, ended_at=None)


class Scope(models.TextChoices):
    """What a token may be used for; never more than its owner may do."""

    READ = "read", "Read"
    SUBMIT = "submit", "Ask, change and withdraw"
    OPERATE = "operate", "Claim, hold, try again, settle"
    DECIDE = "decide", "Approve, reject and send back"


class ApiToken(models.Model):
    """A key to the API for one account. Only its hash is kept; `prefix` says which one it is."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField()
    # Of the form that asked for it: the same form makes one token.
    form_key = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=45, blank=True)
    revoked_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"aq_{self.prefix}_…"

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and at < self.expires_at


class Bucket(models.Model):
    """How far ahead of its allowance one caller is (see `accounts.limits`). Lost in a crash, unharmed."""

    name = models.CharField(max_length=80, primary_key=True)
    full_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

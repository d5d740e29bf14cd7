"""Who is told of what: what each person wants, what they were told, and the letters that told them."""

from django.conf import settings
from django.db import models

from approvals.models import ApprovalRequest
from audit.feed import Place


class Topic(models.TextChoices):
    """What a notice is about; each can be turned off, except an unknown outcome and the last."""

    DECISIONS = "decisions", "A decision waits for me"
    MINE = "mine", "Mine is stuck, came back or was given to me"
    MENTIONS = "mentions", "Somebody names me in a note"
    WATCHED = "watched", "Something happens to a request that I watch"
    SHIFTS = "shifts", "A handoff or a cover concerns me"
    CAUSES = "causes", "A cause of failures grew past my number"
    ACCOUNT = "account", "How I sign in changes"  # everybody is told, by mail, too


class Preferences(models.Model):
    """What one person wants. Who has none wants what a new one says."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences"
    )
    decisions = models.BooleanField(Topic.DECISIONS.label, default=True)
    mine = models.BooleanField(Topic.MINE.label, default=True)
    mentions = models.BooleanField(Topic.MENTIONS.label, default=True)
    watched = models.BooleanField(Topic.WATCHED.label, default=True)
    shifts = models.BooleanField(Topic.SHIFTS.label, default=True)
    causes = models.BooleanField(Topic.CAUSES.label, default=True)
    by_email = models.BooleanField("By e-mail, too", default=True)
    digest = models.BooleanField("A summary at 08:00 my time", default=False)
    quiet_from = models.TimeField("Quiet from", null=True, blank=True)
    quiet_until = models.TimeField("Quiet until", null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~models.Q(quiet_from=models.F("quiet_until")),
                name="preferences_quiet_has_two_ends",
            )
        ]

    def __str__(self) -> str:
        return f"Preferences of {self.user}"

    def wants(self, topic: str) -> bool:
        return topic == Topic.ACCOUNT or bool(getattr(self, topic))


class LetterState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"
    UNKNOWN = "unknown", "May not have arrived"


class Letter(models.Model):
    """One e-mail. What may have left is not sent again: the inbox holds the same, and loses nothing.

    `day` is set for a summary, of which there is one a day; `address` when it goes to another than the
    person's.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="letters")
    message_id = models.CharField(max_length=200, unique=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    day = models.DateField(null=True)
    address = models.EmailField(blank=True, default="", db_default="")
    state = models.CharField(
        max_length=10, choices=LetterState.choices, default=LetterState.WAITING
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=200, blank=True)
    written_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "day"], name="letter_one_summary_a_day"),
            models.CheckConstraint(
                condition=models.Q(state=LetterState.WAITING, next_at__isnull=False)
                | ~models.Q(state=LetterState.WAITING) & models.Q(next_at=None),
                name="letter_waits_for_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=models.Q(state=LetterState.WAITING),
                name="letter_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.user}"


class Notice(models.Model):
    """One thing that one person is told, once: `mark` says which.

    `revision` and `step` are of the decision it asks for: when the request has moved on, it is
    settled by itself. `mail_at` is when it goes into a letter; None: it doesn't, or it has.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    topic = models.CharField(max_length=10, choices=Topic.choices)
    mark = models.CharField(max_length=160)
    item = models.ForeignKey(ApprovalRequest, models.CASCADE, null=True, related_name="+")
    revision = models.PositiveIntegerField(null=True)
    step = models.PositiveSmallIntegerField(null=True)
    sentence = models.CharField(max_length=400)
    url = models.CharField(max_length=200)
    is_urgent = models.BooleanField(default=False)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)
    letter = models.ForeignKey(Letter, models.SET_NULL, null=True, related_name="notices")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="notice_once")]
        indexes = [
            models.Index(fields=["user", "-at", "-id"], name="notice_of_person"),
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="notice_unread"),
            models.Index(
                fields=["mail_at"], condition=models.Q(mail_at__isnull=False), name="notice_to_mail"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sentence} ({self.user})"


class Watch(models.Model):
    """A person wants to be told of what happens to a request."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    item = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="watches")
    since = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "item"], name="watch_once")]

    def __str__(self) -> str:
        return f"{self.user} watches {self.item}"


class StuckTold(models.Model):
    """Which wait of a stuck request its people were told of, so that they are told once."""

    item = models.OneToOneField(ApprovalRequest, models.CASCADE, related_name="+")
    state = models.CharField(max_length=20)
    waiting_since = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.item} {self.state}"


class Follower(models.Model):
    """How far the feed of events has been read. One row, made when the product is installed."""

    place_xid = models.BigIntegerField()
    place_id = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"at {self.place_xid}/{self.place_id}"

    @property
    def place(self) -> Place:
        return Place(self.place_xid, self.place_id)

    @place.setter
    def place(self, place: Place) -> None:
        self.place_xid, self.place_id = place.xid, place.id

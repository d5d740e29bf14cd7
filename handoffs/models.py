"""The report that one shift leaves for the next, and its lines: one for each request handed over."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Team
from approvals.models import ApprovalRequest, Queue

PATIENCE = timedelta(minutes=30)  # of the receiver's shift, to answer in


class Section(models.TextChoices):
    """In the order in which they are read. The first four hold requests."""

    RISKY = "risky", "Open and risky"
    PEOPLE = "people", "Waiting on people"
    RETRYING = "retrying", "Retrying"
    HELD = "held", "Held by us"
    CHANGED = "changed", "Changed this shift"
    DONE = "done", "Done this shift"
    NOTE = "note", "Note"


OF_REQUESTS = (Section.RISKY, Section.PEOPLE, Section.RETRYING, Section.HELD)


class HandoffState(models.TextChoices):
    DRAFT = "draft", "Draft"
    SENT = "sent", "Waiting for answers"
    DONE = "done", "Done"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Handoff(models.Model):
    """One report. `nones` names the sections of which the sender says that there is nothing.

    `changed`: what became different in the shift, [{at, sentence, by, policy}]; `policy` is a slug, or
    "" when everybody may know. `left_out`: by section, how many requests are only in the queue.
    """

    team = models.ForeignKey(Team, models.PROTECT, related_name="+")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    queues = models.ManyToManyField(Queue, related_name="+")
    shift_from = models.DateTimeField()
    shift_to = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=HandoffState.choices, default=HandoffState.DRAFT
    )
    note = models.TextField(blank=True)
    nones = models.JSONField(default=list)
    changed = models.JSONField(default=list)
    left_out = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    filled_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    late_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(shift_from__lt=models.F("shift_to")), name="handoff_shift_ends_later"
            ),
            models.CheckConstraint(
                condition=~Q(sender=models.F("receiver")), name="handoff_to_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", sent_at=None, ended_at=None)
                | Q(state="sent", sent_at__isnull=False, ended_at=None)
                | Q(state="done", sent_at__isnull=False, ended_at__isnull=False)
                | Q(state="withdrawn", ended_at__isnull=False),
                name="handoff_times_of_its_state",
            ),
        ]
        indexes = [
            models.Index(fields=["receiver", "state"], name="handoff_of_receiver"),
            models.Index(fields=["sender", "state"], name="handoff_of_sender"),
            models.Index(
                fields=["shift_to"],
                name="handoff_to_be_late",
                condition=Q(state="sent", late_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"handoff {self.pk}"

    @property
    def stream(self) -> str:
        return f"handoff/{self.pk}"

    @property
    def covers_until(self) -> datetime:
        """What it tells of ends here: at its sending, if that was before the end of the shift."""
        return min(self.shift_to, self.sent_at) if self.sent_at else self.shift_to

    @property
    def due_at(self) -> datetime | None:
        """By when every line is to be answered; None before it is sent."""
        return max(self.shift_to, self.sent_at) + PATIENCE if self.sent_at else None


class Choice(models.TextChoices):
    ACCEPT = "accept", "Accepted"
    QUESTION = "question", "Accepted with a question"
    CANNOT = "cannot", "Cannot take it"


TAKING = (Choice.ACCEPT, Choice.QUESTION)


class Line(models.Model):
    """One request of a handoff. `next_step`, `condition` and `to` are for what is open and risky.

    `title` to `owner` say how it stood when the handoff was sent (in a draft: filled in). `answer`
    is "" until the receiver gives it; `ownership` says what it did to who owns the request.
    """

    handoff = models.ForeignKey(Handoff, models.CASCADE, related_name="lines")
    section = models.CharField(max_length=10, choices=[(s.value, s.label) for s in OF_REQUESTS])
    place = models.PositiveSmallIntegerField()
    item = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="+")
    next_step = models.CharField(max_length=200, blank=True)
    condition = models.CharField(max_length=200, blank=True)
    to = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    title = models.TextField()
    label = models.TextField()
    tone = models.CharField(max_length=10)
    sentence = models.TextField()
    owner = models.TextField(blank=True)
    answer = models.CharField(max_length=10, choices=Choice.choices, blank=True)
    answer_text = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    ownership = models.TextField(blank=True)

    class Meta:
        ordering = ["place"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["handoff", "item"], name="handoff_line_once"),
            models.CheckConstraint(
                condition=Q(answer="", answered_at=None, answer_text="")
                | Q(answer="accept", answered_at__isnull=False, answer_text="")
                | Q(answer__in=["question", "cannot"], answered_at__isnull=False)
                & ~Q(answer_text=""),
                name="handoff_line_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} of {self.handoff_id}"

    @property
    def new_owner(self) -> Any:
        """Whom accepting makes its owner: whoever it is meant for, or the receiver."""
        return self.to or self.handoff.receiver

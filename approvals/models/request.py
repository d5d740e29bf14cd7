"""The approval request: its facts, then its life as one table of transitions.

A transition only names the move. Locks, permissions, events and jobs belong to the command or the
worker that makes it; the database keeps the same table a second time (migration 0002).
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce
from django_fsm import RETURN_VALUE, FSMField, transition

from approvals.models.decision import Choice, Decision, Step
from approvals.models.policy import PolicyVersion
from approvals.models.queue import Queue
from approvals.models.recorded import RecordedRow
from approvals.models.search import NAMED_IN_PAYLOAD, SearchKey, Words, in_payload
from approvals.rules import permits

NEVER = datetime(9999, 12, 31, tzinfo=UTC)

COUNTED_BY = [
    "state",
    "cause",
    "queue",
    "requester_key",
    "owner",
    "kind",
    "due_at",
    "warn_at",
    "stranded_at",
    "held_at",
    "starts_at",
]

# Rows that are read together with requests, and where a request holds them then (`approvals.whole`).
# In lists: a related manager's own cache is a queryset for each request, which took longer than the rows.
KNOWN = {
    "all_steps": "known_steps",
    "decisions": "known_decisions",
    "settlements": "known_settlements",
}


class State(models.TextChoices):
    NEW = "new", "New"
    PENDING = "pending", "Waiting for approval"
    SENT_BACK = "sent_back", "Sent back"
    APPROVED = "approved", "Approved"
    EXECUTING = "executing", "Being carried out"
    RETRYING = "retrying", "Retrying"
    IN_DOUBT = "in_doubt", "Outcome unknown"
    NEEDS_PERSON = "needs_person", "Needs a person"
    DONE = "done", "Done"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


S = State
OPEN = (
    S.PENDING,
    S.SENT_BACK,
    S.APPROVED,
    S.EXECUTING,
    S.RETRYING,
    S.IN_DOUBT,
    S.NEEDS_PERSON,
)
ENDED = (S.DONE, S.REJECTED, S.WITHDRAWN, S.EXPIRED)


class ProtectedState(models.Model):
    """Let `refresh_from_db` set the protected state of this one instance.

    django-fsm's own mixin switches the protection off for the whole process (mechanisms §0.8).
    """

    class Meta:
        abstract = True

    def refresh_from_db(self, *args: object, **kwargs: object) -> None:
        kept = self.__dict__.pop("state", None)
        self._is_refreshing = True
        try:
            super().refresh_from_db(*args, **kwargs)
        finally:
            del self._is_refreshing
            if kept is not None:
                self.__dict__.setdefault("state", kept)

    def get_deferred_fields(self) -> set[str]:
        """A state taken out for the moment of reading it anew is not one to leave unread."""
        found = super().get_deferred_fields()
        return found - {"state"} if "_is_refreshing" in self.__dict__ else found


class ApprovalRequest(ProtectedState, RecordedRow):
    """One thing somebody wants done. In code it is always called `item`."""

    PRIVATE = frozenset(
        [
            *("payload", "customer", "reason", "content_hash", "examined", "subject", "ticket"),
            *("hold_reason", "closing_reason"),
        ]
    )

    ref = models.CharField(max_length=20, unique=True)
    stream = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=40)
    queue = models.ForeignKey(Queue, models.PROTECT)
    state = FSMField(default=S.NEW, choices=S.choices, protected=True)
    version = models.BigIntegerField(default=1)
    revision = models.PositiveIntegerField(default=1)

    # What is asked for. Changes only with a new revision.
    payload = models.JSONField()
    amount = models.BigIntegerField(null=True)  # minor units
    currency = models.CharField(max_length=3, blank=True)
    customer = models.CharField(max_length=100)
    reason = models.TextField()
    content_hash = models.CharField(max_length=64)
    examined = models.JSONField(default=list)  # what we knew of it when it was asked
    subject = models.CharField(max_length=200)  # what a second request would collide with
    is_another = models.BooleanField(default=False)  # the requester said: not the same again
    # What its effect will be called at the provider. "": a name of its own, since another request has the
    # one that its idempotency key gives, or it is from before names were kept.
    effect_key = models.CharField(max_length=60, blank=True, default="", db_default="")

    ticket = models.CharField(max_length=100, blank=True)
    origin = models.CharField(max_length=10)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requester_key = models.UUIDField()
    # Everybody who wrote any revision: none of them may decide (I4).
    contributor_keys = models.JSONField(default=list)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="owned_requests",
    )
    # Set by an operator, a fact beside the state.
    held_at = models.DateTimeField(null=True)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    hold_reason = models.TextField(blank=True)
    # Who may decide it in an emergency, and until when; whose emergency nobody has looked at yet.
    glass_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    glass_until = models.DateTimeField(null=True)
    glass_key = models.UUIDField(null=True)
    look_due = models.BooleanField(default=False, db_default=False)
    reminded_at = models.DateTimeField(null=True)
    # Since when the sweeper found nobody who can decide the open step.
    stranded_at = models.DateTimeField(null=True)

    policy_version = models.ForeignKey(PolicyVersion, models.PROTECT)
    policy_rule = models.CharField(max_length=120)
    # What the rule was chosen by, as it was then (`approvals.asked`).
    routed_by = models.JSONField(default=dict, db_default={})
    distinct_people = models.BooleanField(default=False, db_default=False)
    start_delay_s = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=8)

    # What it waits for now: lists and counts read these instead of asking every step.
    step = models.PositiveSmallIntegerField(null=True)
    waiting_team = models.ForeignKey(Group, models.PROTECT, null=True, related_name="+")
    # Further teams whose members may decide an open step; whether there are several open steps.
    also_waiting_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    is_parallel = models.BooleanField(default=False, db_default=False)
    waiting_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    warn_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    starts_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=60, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    closing_reason = models.TextField(blank=True)
    # Since when it says nothing of its customer any more.
    forgotten_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    # The fixed order of the queue: unknown outcome, needs a person, then by due time.
    rank = models.GeneratedField(
        expression=models.Case(
            models.When(state="in_doubt", then=0),
            models.When(state="needs_person", then=1),
            default=2,
            output_field=models.SmallIntegerField(),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    due_order = models.GeneratedField(
        expression=Coalesce("due_at", models.Value(NEVER)),
        output_field=models.DateTimeField(),
        db_persist=True,
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(version__gte=1), name="request_version"),
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="request_revision"),
            models.CheckConstraint(
                condition=models.Q(amount=None) | models.Q(amount__gt=0),
                name="request_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[s for s in S.values if s != "new"]),
                name="request_state_is_known",
            ),
            models.UniqueConstraint(
                fields=["effect_key"], condition=~models.Q(effect_key=""), name="request_effect_key"
            ),
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(state__in=[*OPEN], is_another=False),
                name="request_open_once",
            ),
        ]
        indexes = [
            # With all that the counts of the queue ask (`approvals.counting`): its rows lie far apart.
            models.Index(
                fields=["rank", "due_order", "created_at", "id"],
                include=COUNTED_BY,
                condition=models.Q(state__in=[*OPEN]),
                name="request_open",
            ),
            models.Index(
                fields=["waiting_team"],
                condition=models.Q(state=S.PENDING),
                name="request_pending",
            ),
            models.Index(
                fields=["rank", "due_order", "created_at", "id"],
                condition=models.Q(state__in=[*ENDED]),
                name="request_ended_order",
            ),
            models.Index(fields=["queue", "-created_at"], name="request_newest"),
            models.Index(fields=["requester_key", "-created_at"], name="request_of_person"),
            models.Index(fields=["customer", "-created_at"], name="request_of_customer"),
            models.Index(fields=["ticket"], name="request_of_ticket"),
            models.Index(fields=["id"], condition=models.Q(look_due=True), name="request_look_due"),
            models.Index(
                fields=["glass_until"],
                condition=models.Q(glass_until__isnull=False),
                name="request_glass",
            ),
            models.Index(SearchKey("ref"), name="request_called_ref"),
            models.Index(SearchKey("ticket"), name="request_called_ticket"),
            # A large customer has very many: the newest of them are found without reading the others.
            models.Index(
                SearchKey("customer"),
                models.F("created_at").desc(),
                models.F("id").desc(),
                name="request_newest_of_customer",
            ),
            *(
                models.Index(SearchKey(in_payload(name)), name=f"request_called_{name}")
                for name in NAMED_IN_PAYLOAD
            ),
            GinIndex(Words("customer"), name="request_customer_words"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def refresh_from_db(self, *args: object, **kwargs: object) -> None:
        super().refresh_from_db(*args, **kwargs)
        for name in KNOWN.values():
            self.__dict__.pop(name, None)

    @property
    def every_step(self) -> list[Step]:
        """The steps of all its revisions."""
        return self._known("all_steps")

    @property
    def every_decision(self) -> list[Decision]:
        """All that was ever decided on it, in order of time; also what is void."""
        return self._known("decisions")

    @property
    def every_settlement(self) -> list[Any]:
        """All that people ever found out about its outcome."""
        return self._known("settlements")

    def _known(self, related: str) -> list[Any]:
        """What was read together with the request, once for many of them; else what is there now."""
        known = self.__dict__.get(KNOWN[related])
        return list(getattr(self, related).all()) if known is None else known

    @property
    def steps(self) -> list[Step]:
        """The steps of the revision that is asked for now, in order."""
        return [step for step in self.every_step if step.revision == self.revision]

    @property
    def open_step(self) -> Step | None:
        """The first of the open steps: what lists and sentences name."""
        return next((step for step in self.steps if step.number == self.step), None)

    @property
    def open_steps(self) -> list[Step]:
        """All that can be decided now; several where the policy asks at the same time."""
        if not self.is_parallel:
            return [step] if (step := self.open_step) else []
        return [step for step in self.steps if step.is_open]

    @property
    def decisions_for_revision(self) -> list[Decision]:
        """What counts for the revision that is asked for now: not void, in order of time."""
        return [
            decision
            for decision in self.every_decision
            if decision.revision == self.revision and decision.voided_at is None
        ]

    @property
    def decisions_now(self) -> list[Decision]:
        """Decisions on the open step."""
        return self.decisions_on(self.step)

    def decisions_on(self, number: int | None) -> list[Decision]:
        """Decisions on the step with this number."""
        return [d for d in self.decisions_for_revision if d.step == number]

    def approvals_of(self, number: int | None) -> list[Decision]:
        """Who said yes to the step with this number, in order of time."""
        return [d for d in self._approvals if d.step == number]

    @property
    def last_approval(self) -> Decision | None:
        approvals = self._approvals
        return approvals[-1] if approvals else None

    @property
    def _approvals(self) -> list[Decision]:
        return [d for d in self.decisions_for_revision if d.choice == Choice.APPROVE]

    @property
    def open_settlement(self) -> Any:
        """The finding about its outcome that waits for a second person, or None."""
        return next(
            (s for s in self.every_settlement if s.confirmed_at is None and not s.is_dropped), None
        )

    @property
    def was_settled_by_people(self) -> bool:
        """It is done because two people found so, not because the provider said so."""
        settled_at = self.effect.settled_at
        return any(
            found.happened and found.confirmed_at == settled_at
            for found in self.every_settlement
            if found.confirmed_at is not None
        )

    # --- Its life, in the order in which it is lived ---------------------------------------------

    @transition(state, source=S.NEW, target=RETURN_VALUE(S.PENDING, S.APPROVED))
    def submit(self, *, complete: bool) -> str:
        """Somebody asks. Approved at once only when the policy says that nobody is needed."""
        return S.APPROVED if complete else S.PENDING

    @transition(
        state,
        source=S.PENDING,
        target=RETURN_VALUE(S.PENDING, S.APPROVED),
        permission=permits("approve"),
    )
    def approve(self, *, complete: bool) -> str:
        """An approver says yes. Stays pending while more approvals are needed."""
        return S.APPROVED if complete else S.PENDING

    @transition(
        state,
        source=S.PENDING,
        target=S.REJECTED,
        permission=permits("reject"),
    )
    def reject(self) -> None:
        """An approver says no, with a reason."""

    @transition(
        state,
        source=S.PENDING,
        target=S.SENT_BACK,
        permission=permits("send_back"),
    )
    def send_back(self) -> None:
        """An approver asks the requester a question."""

    @transition(
        state,
        source=[S.SENT_BACK, S.PENDING],
        target=S.PENDING,
        permission=permits("resubmit"),
    )
    def resubmit(self) -> None:
        """The requester changes the content. Earlier approvals no longer count."""

    @transition(
        state,
        source=S.PENDING,
        target=S.PENDING,
        permission=permits("move_policy"),
    )
    def move_policy(self) -> None:
        """An administrator moves it to the live version of its policy: it is asked for anew."""

    @transition(
        state,
        source=[S.PENDING, S.SENT_BACK, S.APPROVED, S.NEEDS_PERSON],
        target=S.WITHDRAWN,
        permission=permits("withdraw"),
    )
    def withdraw(self) -> None:
        """It is no longer wanted, and nothing was sent."""

    @transition(
        state,
        source=S.APPROVED,
        target=S.PENDING,
        permission=permits("take_back"),
    )
    def take_back(self) -> None:
        """The last approver changes their mind before it starts."""

    @transition(state, source=[S.PENDING, S.SENT_BACK], target=S.EXPIRED)
    def expire(self) -> None:
        """Nobody decided within the time that the policy gives."""

    @transition(state, source=[S.APPROVED, S.RETRYING], target=S.EXECUTING)
    def start(self) -> None:
        """A worker takes it, with proof of approval, and is about to call the provider."""

    @transition(state, source=[S.EXECUTING, S.IN_DOUBT, S.NEEDS_PERSON], target=S.DONE)
    def succeed(self) -> None:
        """The provider confirmed the effect, also when people had stopped counting on it."""

    @transition(state, source=[S.EXECUTING, S.IN_DOUBT], target=S.RETRYING)
    def postpone(self) -> None:
        """Nothing happened at the provider; it will be tried again."""

    @transition(state, source=S.EXECUTING, target=S.IN_DOUBT)
    def lose_track(self) -> None:
        """It was sent and the answer is not known."""

    @transition(
        state,
        source=[S.APPROVED, S.EXECUTING, S.RETRYING, S.IN_DOUBT],
        target=S.NEEDS_PERSON,
    )
    def give_up(self) -> None:
        """Trying again by itself cannot help, or its approval no longer counts."""

    @transition(
        state,
        source=[S.NEEDS_PERSON, S.RETRYING],
        target=S.RETRYING,
        permission=permits("try_again"),
    )
    def try_again(self) -> None:
        """An operator wants the next try now; nothing has happened at the provider."""

    @transition(
        state,
        source=[S.IN_DOUBT, S.NEEDS_PERSON],
        target=RETURN_VALUE(S.DONE, S.NEEDS_PERSON),
        permission=permits("confirm_settlement"),
    )
    def settle(self, *, happened: bool) -> str:
        """Two people found out, with evidence, whether it happened."""
        return S.DONE if happened else S.NEEDS_PERSON

    @transition(state, source=S.DONE, target=S.NEEDS_PERSON)
    def report_late_failure(self) -> None:
        """The provider says that what it had confirmed has failed."""

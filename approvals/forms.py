"""What people type: filters, the common part of a new request, and the words of a decision."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from approvals import figures, finding, kinds
from approvals.causes import CAUSES
from approvals.kinds.base import PlainForm
from approvals.models import ENDED, OPEN, ApprovalRequest, Queue, State
from approvals.refusals import Invalid

Choices = list[tuple[int | str, str]]

LONGEST = 2000
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
ENDINGS = [(state.value, state.label) for state in State if state in ENDED]


class QueueFilter(django_filters.FilterSet):
    """The queue's filters, read from the address. Values that mean nothing filter nothing."""

    view = django_filters.CharFilter(method="unchanged", widget=forms.HiddenInput)
    q = django_filters.CharFilter(
        label="Search", method="search", max_length=100, widget=forms.SearchInput
    )
    kind = django_filters.ChoiceFilter(label="Type", empty_label="All")
    team = django_filters.ChoiceFilter(label="Team", field_name="waiting_team", empty_label="All")
    due = django_filters.ChoiceFilter(
        label="Due",
        method="due_by",
        empty_label="Any time",
        choices=[
            ("overdue", "Overdue"),
            ("1h", "In 1 hour"),
            ("2h", "In 2 hours"),
            ("24h", "In 24 hours"),
        ],
    )
    state = django_filters.ChoiceFilter(
        label="Status",
        empty_label="Open",
        choices=[*((s.value, s.label) for s in State if s in OPEN), *ENDINGS],
    )

    # Set by links, such as those of the dashboard, and shown while they are on.
    queue = django_filters.ChoiceFilter(
        label="Queue", field_name="queue__slug", widget=forms.HiddenInput
    )
    age = django_filters.ChoiceFilter(
        label="Asked",
        method="asked_ago",
        widget=forms.HiddenInput,
        choices=[
            ("1h", "under 1 h ago"),
            ("4h", "1 to 4 h ago"),
            ("24h", "4 to 24 h ago"),
            ("more", "over 24 h ago"),
        ],
    )
    cause = django_filters.ChoiceFilter(
        label="Cause",
        widget=forms.HiddenInput,
        choices=[(code, one.plain) for code, one in CAUSES.items()],
    )
    done = django_filters.ChoiceFilter(
        label="Done",
        method="done_since",
        widget=forms.HiddenInput,
        choices=[("today", "since 00:00 UTC")],
    )
    done_from = django_filters.IsoDateTimeFilter(
        label="Done from", method="done_from_on", widget=forms.HiddenInput
    )
    done_before = django_filters.IsoDateTimeFilter(
        label="Done before", method="done_up_to", widget=forms.HiddenInput
    )

    class Meta:
        model = ApprovalRequest
        fields: list[str] = []

    def __init__(self, *args: Any, teams: Choices, queues: Choices, **kwargs: Any) -> None:
        """`teams` by id and `queues` by slug are what can be chosen, with their names."""
        super().__init__(*args, **kwargs)
        self.filters["team"].extra["choices"] = teams
        self.filters["queue"].extra["choices"] = queues
        self.filters["kind"].extra["choices"] = [
            (kind.slug, kind.label) for kind in kinds.all_kinds().values()
        ]

    def unchanged(self, found: QuerySet, name: str, value: str) -> QuerySet:
        return found

    def search(self, found: QuerySet, name: str, value: str) -> QuerySet:
        return found.filter(finding.matching(value))

    def due_by(self, found: QuerySet, name: str, value: str) -> QuerySet:
        now = timezone.now()
        if value == "overdue":
            return found.filter(due_at__lt=now)
        hours = {"1h": 1, "2h": 2, "24h": 24}[value]
        return found.filter(figures.is_due_within(timedelta(hours=hours), now))

    def asked_ago(self, found: QuerySet, name: str, value: str) -> QuerySet:
        return found.filter(figures.is_aged(value, timezone.now()))

    def done_since(self, found: QuerySet, name: str, value: str) -> QuerySet:
        return found.filter(figures.is_done(since=figures.midnight(timezone.now())))

    def done_from_on(self, found: QuerySet, name: str, value: datetime) -> QuerySet:
        return found.filter(figures.is_done(since=value))

    def done_up_to(self, found: QuerySet, name: str, value: datetime) -> QuerySet:
        return found.filter(figures.is_done(before=value))


def add_errors(form: forms.Form, invalid: Invalid) -> None:
    """Show what a command refused at the fields that it names, or above the form."""
    for field, sentence in invalid.errors.items():
        form.add_error(field if field in form.fields else None, sentence)


class CommonForm(PlainForm):
    """The part of a new request that every kind has."""

    customer = forms.CharField(label="Customer", max_length=100)
    ticket = forms.CharField(label="Ticket", max_length=100, required=False)
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What happened, for the person who decides.",
    )


class ReasonForm(forms.Form):
    """One text. `label`, `help_text` and whether it is needed depend on the verb."""

    reason = forms.CharField(
        max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 4}), required=False
    )

    def __init__(self, *args: Any, label: str, help_text: str = "", required: str = "", **kw: Any):
        super().__init__(*args, **kw)
        field = self.fields["reason"]
        field.label, field.help_text = label, help_text
        if required:
            field.required = True
            field.error_messages["required"] = required
        field.error_messages["max_length"] = f"Write at most {LONGEST:,} characters."


class GlassForm(ReasonForm):
    """Why the glass is broken, and for how long."""

    minutes = forms.TypedChoiceField(
        label="For how long",
        coerce=int,
        choices=[(15, "15 minutes"), (60, "1 hour"), (240, "4 hours")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose for how long."},
    )
    field_order = ("reason", "minutes")


class AssignForm(forms.Form):
    """To whom; `people` are those who can own it."""

    to = forms.ChoiceField(label="To whom", error_messages={"required": "Choose a person."})

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", "Choose a person"), *((p.email, p.name) for p in people)]


class CoverForm(forms.Form):
    """Who is away, who decides meanwhile, on which queues and on which days."""

    person = forms.TypedChoiceField(label="Who is away", coerce=int)
    deputy = forms.TypedChoiceField(
        label="Who decides meanwhile",
        coerce=int,
        error_messages={"required": "Choose who decides meanwhile."},
    )
    queues = forms.TypedMultipleChoiceField(
        label="On which queues",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one queue."},
    )
    starts = forms.DateField(
        label="First day", widget=DAY, error_messages={"required": "Enter the first day."}
    )
    ends = forms.DateField(
        label="Last day",
        widget=DAY,
        help_text="The cover ends when this day ends, in your time zone.",
        error_messages={"required": "Enter the last day."},
    )

    def __init__(
        self,
        *args: Any,
        me: User,
        people: Iterable[User],
        deputies: Iterable[User],
        queues: Iterable[Queue],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        others = [(person.pk, person.name) for person in people if person.pk != me.pk]
        self.fields["person"].choices = [(me.pk, f"{me.name} (you)"), *others]
        self.fields["deputy"].choices = [
            ("", "Choose a person"),
            *((person.pk, person.name) for person in deputies),
        ]
        self.fields["queues"].choices = [(queue.pk, queue.name) for queue in queues]
        if not others:
            self.fields["person"].widget = forms.HiddenInput()


class SettleForm(ReasonForm):
    """What was found out about an effect, with the evidence."""

    happened = forms.ChoiceField(
        label="What did you find?",
        choices=[("yes", "It happened"), ("no", "It certainly did not happen")],
        widget=forms.RadioSelect,
    )
    reference = forms.CharField(label="The provider's reference", max_length=200, required=False)
    field_order = ("happened", "reference", "reason")

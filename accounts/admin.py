"""Administration of people and teams. Every edit is an event of the administrator who made it."""

import uuid

import django.contrib.auth.admin  # noqa: F401 - registers Group, which is replaced below
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Membership, Team, User
from audit.recorder import Target, record


class Recorded(admin.ModelAdmin):
    """What an administrator adds, changes or deletes is recorded in the same transaction.

    Django runs each admin view of a change in one transaction, and calls these once for it.
    """

    def log_addition(self, request: HttpRequest, obj: models.Model, message: object) -> LogEntry:
        _record(request, "add", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: object) -> LogEntry:
        _record(request, "change", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet) -> object:
        for obj in queryset:
            _record(request, "delete", obj, "")
        return super().log_deletions(request, queryset)


def _record(request: HttpRequest, verb: str, obj: models.Model, message: object) -> None:
    user = request.user
    with transaction.atomic():
        record(
            stream=f"person/{user.person_key}",
            action=f"admin.{verb}",
            actor=user.actor,
            target=Target(type=obj._meta.model_name, id=str(obj.pk)),
            at=timezone.now(),
            facts={"name": str(obj)[:200], "fields": _fields(message)},
        )


def _fields(message: object) -> list[str]:
    """Names of fields only, never values: a password hash must not stand in an event."""
    if not isinstance(message, list):
        return []
    found: list[str] = []
    for entry in message:
        for change in entry.values():
            found += [str(field) for field in change.get("fields", [])]
            if "name" in change:
                found.append(f"{change['name']} {change.get('object', '')}"[:120])
    return found


class ToRead(admin.TabularInline):
    """Who may do what is changed under /access/ and /people/, where a second person looks at it."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Memberships(ToRead):
    model = Membership
    fields = ("group", "is_lead", "limit_amount", "limit_currency")


class Members(ToRead):
    model = Membership
    fields = ("user", "is_lead", "limit_amount", "limit_currency")


class PersonChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"

    def clean_person_key(self) -> uuid.UUID:
        """Two accounts can be said to be one person's, and that is not undone here."""
        wanted, now = self.cleaned_data["person_key"], self.initial["person_key"]
        others = User.objects.exclude(pk=self.instance.pk)
        if wanted == now:
            return now
        if others.filter(person_key=now).exists():
            raise forms.ValidationError("This account shares its key with another: it keeps it.")
        if not others.filter(person_key=wanted).exists():
            raise forms.ValidationError("Give it the key of another account of the same person.")
        return wanted

    def clean_is_service(self) -> bool:
        if self.initial["is_service"] and not self.cleaned_data["is_service"]:
            raise forms.ValidationError("A program stays one. Make an account for the person.")
        return self.cleaned_data["is_service"]


@admin.register(User)
class PersonAdmin(Recorded):
    form = PersonChangeForm
    list_display = ("name", "email", "is_active", "is_staff", "is_service")
    search_fields = ("name", "email")
    readonly_fields = (
        *("email", "is_staff", "is_superuser"),  # changed under /people/
        *("last_login", "date_joined", "password"),
    )
    fields = (
        "email",
        "name",
        "password",
        "is_active",
        "is_staff",
        "is_superuser",
        "is_service",
        "person_key",
        "time_zone",
        "last_login",
        "date_joined",
    )
    inlines = (Memberships,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # under /people/, where nobody types the password of somebody else

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # what somebody did keeps their name; close the account instead


admin.site.unregister(Group)  # a team is edited as a team, with its place and hours


@admin.register(Team)
class TeamAdmin(Recorded):
    list_display = ("name", "time_zone", "opens_at", "closes_at")
    fields = ("name", "time_zone", "opens_at", "closes_at", "work_days")
    inlines = (Members,)

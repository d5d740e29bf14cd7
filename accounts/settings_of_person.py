"""What people may change of their own account: how the product looks and tells the time."""

import zoneinfo
from datetime import datetime

from django import forms
from django.db import transaction

from accounts.models import User
from audit.recorder import Target, record


class SettingsForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=[(name, name) for name in sorted(zoneinfo.available_timezones())],
    )

    class Meta:
        model = User
        fields = ("time_zone", "theme", "density", "motion", "shortcuts")


def change_settings(form: SettingsForm, *, at: datetime) -> None:
    """Save a valid form; what changed is an event of the person."""
    user = form.instance
    changes = [
        {"field": name, "before": str(form.initial[name]), "after": str(form.cleaned_data[name])}
        for name in form.changed_data
    ]
    if not changes:
        return
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(**form.cleaned_data)
        record(
            stream=f"person/{user.person_key}",
            action="person.settings",
            actor=user.actor,
            target=Target(type="person", id=str(user.pk)),
            at=at,
            changes=changes,
        )

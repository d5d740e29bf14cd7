"""The form of what one person wants to be told."""

from django import forms
from django.conf import settings

from notifications.commands import CHOICES
from notifications.models import Preferences


class PreferencesForm(forms.ModelForm):
    class Meta:
        model = Preferences
        fields = CHOICES
        widgets = {
            name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
            for name in ("quiet_from", "quiet_until")
        }
        help_texts = {
            "by_email": "What is told also stands in your inbox.",
            "digest": "Only when something waits for you.",
            "quiet_from": "Your local time. Nothing is mailed in quiet hours but an unknown outcome "
            "and a handoff to you.",
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not settings.SENDS_MAIL:
            for name in ("by_email", "digest", "quiet_from", "quiet_until"):
                self.fields[name].help_text = ""
        for name in ("quiet_from", "quiet_until"):
            self.fields[name].error_messages["invalid"] = "Enter a time such as 18:00."

    def _post_clean(self) -> None:
        """The command fills the row and checks it; this only reads what was typed."""

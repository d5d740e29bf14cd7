"""What is typed about a draft."""

from django import forms

from approvals import policy_file
from approvals.policy_table import MalformedPolicy
from policies.commands.drafts import LONGEST_PURPOSE

LARGE = f"Write at most {policy_file.MOST_BYTES:,} characters."


class FileForm(forms.Form):
    """The whole draft as a policy file, and what it is for."""

    text = forms.CharField(
        label="Policy file",
        help_text="In TOML, as docs/reference/policy-files.md says. The first rule that matches counts.",
        max_length=policy_file.MOST_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "class": "code"}),
        error_messages={"required": "Write the rules.", "max_length": LARGE},
    )
    purpose = forms.CharField(
        label="What is it for?",
        help_text="Whoever publishes it reads this, and whoever asks in a year.",
        max_length=LONGEST_PURPOSE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: object, slug: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.slug = slug
        self.policy: dict = {}

    def clean_text(self) -> str:
        text = self.cleaned_data["text"]
        try:
            self.policy = policy_file.read(text, called="The file")
        except MalformedPolicy as malformed:
            raise forms.ValidationError(malformed.problems) from malformed
        if self.policy["slug"] != self.slug:
            raise forms.ValidationError(f"The slug must stay “{self.slug}”.")
        return text


class TrialForm(forms.Form):
    """What is tried, and over which days."""

    what = forms.ChoiceField(label="Try", error_messages={"required": "Choose what is tried."})
    since = forms.DateField(
        label="From (UTC)",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Choose the first day.", "invalid": "Write a day."},
    )
    until = forms.DateField(
        label="Up to and without (UTC)",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Choose the day after the last.", "invalid": "Write a day."},
    )

    def __init__(self, *args: object, choices: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = choices

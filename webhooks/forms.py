"""What administrators type about an endpoint. Whether it may be so is the command's to say."""

from django import forms

from approvals.kinds.base import PlainForm
from approvals.models import Queue
from webhooks.addresses import LONGEST_URL
from webhooks.commands import LONGEST_NAME
from webhooks.models import Endpoint
from webhooks.payload import ACTIONS


class EndpointForm(PlainForm):
    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="Who receives it, as people say it."
    )
    url = forms.CharField(
        label="URL",
        max_length=LONGEST_URL,
        help_text="https, on a public address. What is after the host stays secret in the record.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    queues = forms.MultipleChoiceField(
        label="Queues",
        required=False,
        help_text="Tick none for all.",
        widget=forms.CheckboxSelectMultiple,
    )
    actions = forms.MultipleChoiceField(
        label="Types of events",
        required=False,
        choices=[(action, action) for action in ACTIONS],
        help_text="Tick none for all, also those that are added later.",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].error_messages["required"] = "Enter the URL."
        self.fields["queues"].choices = Queue.objects.values_list("slug", "name")


def filled_in(endpoint: Endpoint) -> dict:
    """The form's values as the endpoint stands."""
    return {
        "name": endpoint.name,
        "url": endpoint.url,
        "actions": endpoint.actions,
        "queues": list(endpoint.queues.values_list("slug", flat=True)),
    }

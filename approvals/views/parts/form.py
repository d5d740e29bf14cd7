"""Forms: fields, what went wrong with them, and what a command will and will not do."""

from datetime import datetime

from django import forms

from approvals.kinds.base import PlainForm
from approvals.views.parts.example import ARABIC, LONG, UNBROKEN, Example, Part, component, of

REASONS = [("damaged", "Damaged"), ("late", "Late"), ("other", "Something else")]


class Everything(PlainForm):
    """A field of each sort that the product’s forms have."""

    amount = forms.CharField(
        label="Amount",
        help_text="Up to EUR 1,310.00, the sum still refundable.",
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    currency = forms.ChoiceField(label="Currency", choices=[("EUR", "EUR"), ("JPY", "JPY")])
    until = forms.DateField(
        label="Until (UTC)", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    reason_code = forms.ChoiceField(
        label="Category",
        choices=REASONS,
        widget=forms.RadioSelect,
        help_text="The customer reads it.",
    )
    reason = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 3}))
    agreed = forms.BooleanField(
        label="Ticket ZD-9921 says so", required=False, help_text="Look before you tick."
    )


class Note(PlainForm):
    reason = forms.CharField(
        label=f"A label that goes on and on, {UNBROKEN}",
        required=False,
        help_text=LONG,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    token = forms.CharField(widget=forms.HiddenInput)


def parts(now: datetime) -> list[Part]:
    return [_error_summary(), _fields(), _effect_lines(), _duplicate()]


def _error_summary() -> Part:
    worst = Note({"reason": ""})
    worst.add_error("reason", f"Enter something else than {UNBROKEN}, or {ARABIC}.")
    worst.add_error(None, LONG)
    return Part(
        "error_summary",
        "Mistakes",
        "Above a form that was not taken. It has the focus; each line leads to its field.",
        [component("error_summary")],
        of(
            component("error_summary"),
            {
                "No mistake": {"form": Everything()},
                "Several": {"form": Everything({})},
                "At worst": {"form": worst, "heading": "No token was made."},
            },
        ),
    )


def _fields() -> Part:
    typed = {"amount": "1,240.00", "currency": "EUR", "reason_code": "late", "reason": ARABIC}
    return Part(
        "form_fields",
        "Fields",
        "All fields of a form: label, help, mistake, control, in this order. Optional ones say so.",
        [
            component("form_fields"),
            component("field"),
            component("field_notes"),
        ],
        of(
            "approvals/parts/form.html",
            {
                "Empty": {"form": Everything()},
                "Filled": {"form": Everything(initial={**typed, "agreed": True})},
                "With mistakes": {"form": Everything({"amount": "-1"})},
                "At worst": {"form": Note(initial={"reason": f"{LONG}\n{ARABIC}"})},
            },
        ),
    )


def _effect_lines() -> Part:
    both = {
        "effect_line": "Approval Queue stops trying until you resume.",
        "not_effect_line": "It does not undo tries 1 to 4; none changed anything.",
    }
    worst = {"effect_line": LONG, "not_effect_line": f"{ARABIC} {UNBROKEN}"}
    return Part(
        "effect_lines",
        "Effect",
        "On the page that asks before a command: what it does, and what it does not do.",
        [component("effect_lines")],
        of(
            component("effect_lines"),
            {
                "Nothing to say": {},
                "What it does": {"effect_line": both["effect_line"]},
                "Both": both,
                "At worst": worst,
            },
        ),
    )


def _duplicate() -> Part:
    found = {
        "sentence": "EX-2 asks for the same and is open: Refund EUR 1,240.00, by E. Markou.",
        "url": "/requests/EX-2/",
        "ref": "EX-2",
    }
    return Part(
        "duplicate",
        "Duplicate",
        "The same was asked for before, and is open or done. Shown before it is asked twice.",
        [component("duplicate")],
        [
            Example("None", component("duplicate"), {}),
            Example("To open", component("duplicate"), {"duplicate": found}),
            Example(
                "Not yours to see",
                component("duplicate"),
                {
                    "duplicate": {
                        "sentence": "Another request asks for the same. Ask Finance first."
                    }
                },
            ),
        ],
    )

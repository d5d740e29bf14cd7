"""What a kind of request is: its form, its facts, its effect and its look-up.

A kind is a class named in the setting `APPROVAL_KINDS`. It knows one outside system and nothing of
leases, retries or approvals. `send` and `look_up` are called without a transaction open and tell
what they saw as one of the results below; a raised exception counts as an unknown outcome.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.utils.text import slugify

from approvals.causes import Cause
from approvals.refusals import Invalid
from approvals.wording import is_storable

Payload = Mapping[str, Any]
# Where the texts for customers are: neutral ones, and those of our own kinds.
REPLIES = Path(__file__).parents[1] / "replies" / "library"
FILLED = {"minLength": 1, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}


@dataclass(frozen=True)
class Fact:
    """One line about a request, for people. Private: hidden until somebody asks for it by name."""

    label: str
    value: str
    is_private: bool = False

    def as_known(self) -> dict[str, str]:
        """As a request keeps what was known of it when it was asked for."""
        return {"label": self.label, "value": self.value}


@dataclass(frozen=True)
class Effect:
    """What is to be caused. `key` is the same at every try; `id` stands in the provider's records."""

    id: str
    key: str
    ref: str
    payload: Payload
    reason: str


@dataclass(frozen=True)
class Done:
    """The provider confirms the effect under its own reference."""

    reference: str
    evidence: str = ""


@dataclass(frozen=True)
class Refused:
    """Nothing happened. `permanent`: and never will; else worth another try, at the soonest after
    `retry_after_s` seconds."""

    cause: str
    permanent: bool
    evidence: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Unknown:
    """It may have happened, or it is accepted and not finished. The provider may wish not to be
    asked again before `retry_after_s` seconds."""

    cause: str
    evidence: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Absent:
    """The provider was asked and has no trace of the effect."""

    evidence: str = ""


FORGOTTEN = "forgotten"


class PlainForm(forms.Form):
    """A form that says what is missing by its name: “Enter the amount.”"""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            words = (field.label or name.replace("_", " ")).lower()
            verb = "Choose" if isinstance(field, forms.ChoiceField) else "Enter"
            field.error_messages["required"] = f"{verb} the {words}."


class PayloadForm(PlainForm):
    """What a person fills in for one kind. `payload()` is what the API would have been sent."""

    def payload(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class Kind(ABC):
    """`slug` names it in URLs and rows, `prefix` begins its references, `system` does the effect.

    `is_outside`: the system is a program that can be held and asked. `may_fail_later`: it may take
    back what it confirmed, so it is asked again after it is done.
    """

    slug: ClassVar[str]
    prefix: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    system: ClassVar[str]
    form: ClassVar[type[PayloadForm]]
    # What `check` accepts, as a JSON Schema, for those who ask by API.
    payload_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    customer_label: ClassVar[str] = "Customer"
    after_done: ClassVar[str] = ""
    is_outside: ClassVar[bool] = True
    may_fail_later: ClassVar[bool] = False
    # The folder of its texts for customers, `<language>/<slug>.toml`; without them neutral ones serve.
    replies: ClassVar[Path] = REPLIES
    # What these texts may say beside amount and dates: the names that `reply_facts` gives.
    reply_fields: ClassVar[Sequence[str]] = ()

    # Causes that are not in `approvals.causes`, and the folder of the runbooks (`<name>.md`) they name.
    causes: ClassVar[Sequence[Cause]] = ()
    runbooks: ClassVar[Path | None] = None

    @property
    def system_slug(self) -> str:
        return slugify(self.system)

    @abstractmethod
    def check(self, payload: Payload) -> dict[str, Any]:
        """The payload in its one canonical form. Raise `Invalid` with a sentence for each field."""

    def money(self, payload: Payload) -> tuple[int | None, str]:
        """Amount in minor units and ISO 4217 currency; (None, "") where no money moves."""
        return None, ""

    @abstractmethod
    def subject(self, payload: Payload) -> str:
        """What two requests must not ask for at the same time."""

    @abstractmethod
    def title(self, payload: Payload) -> str:
        """“Refund EUR 1,240.00”."""

    @abstractmethod
    def subtitle(self, payload: Payload) -> str:
        """“Order 88120”."""

    @abstractmethod
    def target(self, payload: Payload) -> str:
        """Where the effect goes: “payment pi_88120”."""

    # Names in the payload that say nothing of anybody: they stay when a customer is forgotten.
    impersonal: ClassVar[Sequence[str]] = ()

    def forgotten(self, payload: Payload) -> dict[str, Any]:
        """The payload without what it says of a customer."""
        return {k: v if k in self.impersonal else FORGOTTEN for k, v in payload.items()}

    # Labels of facts that may be private, also where they changed.
    private_labels: frozenset[str] = frozenset()

    @abstractmethod
    def facts(self, payload: Payload) -> Sequence[Fact]:
        """What was asked for, line by line."""

    def secrets(self) -> Sequence[str]:
        """What proves to the system who we are: hidden wherever it stands, in evidence and in logs."""
        return []

    def examine(self, payload: Payload) -> Sequence[Fact]:
        """What the outside system knows about it now. Raise `Invalid` when it cannot succeed."""
        return []

    def examine_again(self, payload: Payload, key: str) -> Sequence[Fact]:
        """As `examine`, where an effect with this key may have been caused before a restore: it does not
        stand in its own way."""
        return self.examine(payload)

    @abstractmethod
    def send(self, effect: Effect) -> Done | Refused | Unknown:
        """Cause the effect, with `effect.key` towards the provider."""

    @abstractmethod
    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        """Ask whether the effect exists. Never causes anything."""

    def reply_facts(self, payload: Payload) -> Mapping[str, str]:
        """What a customer may read of it, by the names of `reply_fields`."""
        return {}


def require(payload: Payload, allowed: Mapping[str, int], optional: Sequence[str] = ()) -> dict:
    """Text fields of a payload, trimmed: `allowed` maps each name to its longest length.

    Raise `Invalid` naming every field that is missing, not text, too long or unknown.
    """
    errors: dict[str, str] = {}
    clean: dict[str, str] = {}
    for name in payload:
        if name not in allowed:
            errors[str(name)[:60]] = f"“{str(name)[:60]}” is not a field of this kind."
    for name, longest in allowed.items():
        value = payload.get(name, "" if name in optional else None)
        value = value.strip() if isinstance(value, str) else value
        problem = _problem(name.replace("_", " "), value, longest, is_optional=name in optional)
        if problem:
            errors[name] = problem
        elif value:
            clean[name] = value
    if errors:
        raise Invalid(errors)
    return clean


def text_schema(
    longest: Mapping[str, int], *, optional: Sequence[str] = (), **others: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON Schema of a payload that `require` checks. `others` are fields of other shapes."""
    texts = {
        name: {"type": "string", "maxLength": length} | ({} if name in optional else FILLED)
        for name, length in longest.items()
    }
    fields = {**texts, **others}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": fields,
        "required": [name for name in fields if name not in optional],
    }


def _problem(words: str, value: Any, longest: int, *, is_optional: bool) -> str:
    """What is wrong with one text of a payload, or ""."""
    if value == "" or (value is None and not is_optional):
        return "" if is_optional else f"Enter the {words}."
    if not isinstance(value, str):
        return f"The {words} must be text."
    if not is_storable(value):
        return f"The {words} holds a character that cannot be stored."
    if len(value) > longest:
        return f"The {words} can have at most {longest} characters."
    return ""

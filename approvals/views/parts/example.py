"""What the gallery shows: a part, and the states in which it is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.wording import short_name, shortened, visible

# People as they are: a long name, one written from right to left, one with signs that are no letters.
LONG = "Wilhelmina " + "Featherstonehaugh-Cholmondeley " * 6
HEBREW = "רות בן־דוד"
ARABIC = "ليلى الحداد"
EMOJI = "Zoë 🦊 Fox"
UNBROKEN = "https://example.test/" + "a1b2c3d4" * 12


@dataclass(frozen=True)
class Example:
    """One state of a part. `template` is rendered with `values` and what the frame gives."""

    title: str
    template: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """`files` are the components that its examples show; a tag or a rule of wording has none."""

    slug: str
    title: str
    purpose: str
    source: Sequence[str]
    examples: Sequence[Example]

    @property
    def files(self) -> list[str]:
        return [name for name in self.source if name.startswith("components/")]


def component(name: str) -> str:
    return f"components/{name}.html"


def of(template: str, states: Mapping[str, Mapping[str, Any]]) -> list[Example]:
    """Examples of one template, by their titles."""
    return [Example(title, template, values) for title, values in states.items()]


def as_person(name: str) -> str:
    """A name as rows and sentences write it."""
    return shortened(visible(short_name(name)), 30)

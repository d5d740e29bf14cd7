"""The catalogue: every action that the product records, collected from the apps that record them."""

import functools
from collections.abc import Mapping
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from approvals.wording import visible
from audit.models import Event, Outcome
from audit.vocabulary import Word

GROUPS = {
    "request": "Requests",
    "attempt": "Attempts",
    "system": "Systems",
    "provider": "Providers",
    "handoff": "Handoffs",
    "person": "People",
    "cover": "Cover",
    "erasure": "Customers who are forgotten",
    "record": "Old months of the record",
    "quarantine": "Quarantine after a restore",
    "token": "API tokens",
    "policy": "Policies",
    "access": "Access",
    "rates": "Exchange rates",
    "queue": "Queues",
    "webhook": "Webhooks",
    "admin": "Administration",
    "audit": "Audit",
}


@functools.cache
def words() -> Mapping[str, Word]:
    """By action, in the order of the groups and in each as its app declares them."""
    found = [word for config in apps.get_app_configs() for word in _declared(config)]
    order = list(GROUPS)
    found.sort(key=lambda word: order.index(word.group) if word.group in GROUPS else len(order))
    return {word.action: word for word in found}


def _declared(config: object) -> list[Word]:
    if not module_has_submodule(config.module, "vocabulary"):
        return []
    return list(getattr(import_module(f"{config.name}.vocabulary"), "WORDS", []))


def grouped() -> list[tuple[str, list[Word]]]:
    """By title of the group."""
    titles: dict[str, list[Word]] = {}
    for word in words().values():
        titles.setdefault(GROUPS.get(word.group, word.group), []).append(word)
    return list(titles.items())


def objects() -> set[str]:
    """The types of what events are about."""
    return {name for word in words().values() for name in word.objects}


class _Facts(dict):
    def __missing__(self, name: str) -> str:
        return "not known"


def sentence(event: Event) -> str:
    """What an event says; a refused attempt says so. An action that nobody declared is its own name."""
    word = words().get(event.action)
    if word is None:
        return visible(event.action)
    said = word.sentence
    if event.outcome == Outcome.DENIED:
        said = word.refused or f"Refused: {word.verb}"
    plain = {name: _plain(value) for name, value in event.facts.items()}
    return visible(said.format_map(_Facts(plain)))


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    return "none" if value is None else str(value)


def as_markdown() -> str:
    """The table of docs/reference/audit-events.md."""
    lines = []
    for title, found in grouped():
        lines += [
            f"### {title}",
            "",
            "| action | what it says | about | facts |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{word.action}` | {word.sentence} | {word.about} | {_named(word.facts)} |"
            for word in found
        ]
        lines.append("")
    return "\n".join(lines)


def _named(facts: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in facts)

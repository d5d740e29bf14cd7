"""The kinds of request that this installation knows, by slug."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from approvals.kinds.base import Kind


@dataclass(frozen=True)
class Loaded:
    """`problems`: a sentence for each entry of `APPROVAL_KINDS` that is no usable class."""

    kinds: Sequence[Kind]
    problems: Sequence[str]


def loaded() -> Loaded:
    """What can be made of `APPROVAL_KINDS`, in that order. Raises nothing."""
    found, problems = [], []
    for path in settings.APPROVAL_KINDS:
        try:
            kind = import_string(path)()
            own = kind.secrets() if isinstance(kind, Kind) else ()
        except Exception as error:  # a foreign module may raise anything while it is imported
            problems.append(f"The kind {path} cannot be loaded: {type(error).__name__}: {error}.")
            continue
        if not isinstance(kind, Kind):
            problems.append(f"{path} is not a kind: it must be a subclass of Kind.")
        elif isinstance(own, str) or not all(isinstance(secret, str) for secret in own):
            problems.append(f"The secrets of {path} must be a list of texts.")
        else:
            found.append(kind)
    return Loaded(found, problems)


@functools.cache
def all_kinds() -> dict[str, Kind]:
    """Every kind named in `APPROVAL_KINDS`, in that order. Raise `ImproperlyConfigured`."""
    found = loaded()
    if found.problems:
        raise ImproperlyConfigured(" ".join(found.problems))
    return {kind.slug: kind for kind in found.kinds}


def kind_of(slug: str) -> Kind:
    """Raise `KeyError` for a slug that no kind has."""
    return all_kinds()[slug]


@functools.cache
def private_labels() -> frozenset[str]:
    """Of all kinds: labels of facts that are hidden where they are shown."""
    return frozenset().union(*(kind.private_labels for kind in all_kinds().values()))


def secrets() -> list[str]:
    """Of all kinds, as they are set now; an empty one hides nothing."""
    return [secret for kind in all_kinds().values() for secret in kind.secrets()]


def systems() -> dict[str, str]:
    """The outside systems that these kinds speak to: name by slug."""
    return {kind.system_slug: kind.system for kind in all_kinds().values() if kind.is_outside}


def kinds_of_system(slug: str) -> list[str]:
    """The slugs of the kinds whose effects this system carries out."""
    return [kind.slug for kind in all_kinds().values() if kind.system_slug == slug]

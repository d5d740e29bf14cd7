"""The kinds of request that this installation knows, by slug."""

import functools

from django.conf import settings
from django.utils.module_loading import import_string

from approvals.kinds.base import Kind


@functools.cache
def all_kinds() -> dict[str, Kind]:
    """Every kind named in `APPROVAL_KINDS`, in that order."""
    found = [import_string(path)() for path in settings.APPROVAL_KINDS]
    return {kind.slug: kind for kind in found}


def kind_of(slug: str) -> Kind:
    """Raise `KeyError` for a slug that no kind has."""
    return all_kinds()[slug]


@functools.cache
def private_labels() -> frozenset[str]:
    """Of all kinds: labels of facts that are hidden where they are shown."""
    return frozenset().union(*(kind.private_labels for kind in all_kinds().values()))


def systems() -> dict[str, str]:
    """The outside systems that these kinds speak to: name by slug."""
    return {kind.system_slug: kind.system for kind in all_kinds().values() if kind.is_outside}


def kinds_of_system(slug: str) -> list[str]:
    """The slugs of the kinds whose effects this system carries out."""
    return [kind.slug for kind in all_kinds().values() if kind.system_slug == slug]

"""A list in pages: the place to go on from is signed, so nobody can make one up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import QuerySet

Row = TypeVar("Row")


class BadCursor(ValueError):
    """A page address that we didn't make; the message is a sentence for whoever made it."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is "" on the last page."""

    items: Sequence[Row]
    next_cursor: str


def page_of(found: QuerySet, *, size: int, of: str, place: Callable[[Any], list]) -> Page:
    """The first `size` rows. `place` says where a row stands in the order, `of` which list it is."""
    return cut(list(found[: size + 1]), size=size, of=of, place=place)


def cut(items: Sequence[Row], *, size: int, of: str, place: Callable[[Any], list]) -> Page[Row]:
    """The same of rows that were read already, one more than fit if there are more."""
    has_more = len(items) > size
    return Page(items[:size], cursor_at(place(items[size - 1]), of=of) if has_more else "")


def cursor_at(place: list, *, of: str) -> str:
    """The signed address of a place."""
    return signing.dumps(place, salt=of, compress=True)


def place_in(cursor: str, *, of: str) -> list:
    """The place of the last row of the page before. Raises `BadCursor`."""
    try:
        place = signing.loads(cursor, salt=of)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadCursor("This page address is not one of ours.") from error
    return place

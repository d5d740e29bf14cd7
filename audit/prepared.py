"""Statements whose text is always the same: the database keeps their plan (`config.database`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


@contextmanager
def kept_cursor() -> Iterator[CursorWrapper]:
    """A cursor that sends values beside the text, instead of writing them into it."""
    with connection.cursor() as cursor:
        cursor.cursor = ServerBindingCursor(connection.connection)
        yield cursor

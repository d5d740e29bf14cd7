"""Statements whose text is always the same: the database keeps their plan (`config.database`)."""

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


def kept_cursor() -> CursorWrapper:
    """The connection's one cursor that sends values beside the text, instead of writing them into it.

    What one statement gave is to be fetched before the next is executed.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    kept = getattr(connection, "kept_cursor", None)
    if kept is None or kept.connection is not connection.connection:
        kept = connection.kept_cursor = ServerBindingCursor(connection.connection)
    watched = connection.queries_logged
    return connection.make_debug_cursor(kept) if watched else connection.make_cursor(kept)

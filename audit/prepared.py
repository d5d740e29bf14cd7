"""Statements whose text is always the same: the database keeps their plan (`config.database`)."""

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


def kept_cursor() -> CursorWrapper:
    """The connection's one cursor that sends values beside the text, instead of writing them into it.

    What one statement gave is to be fetched before the next is executed.
    """
    own = connections[DEFAULT_DB_ALIAS]
    own.close_if_health_check_failed()
    own.ensure_connection()
    own.validate_thread_sharing()
    kept = getattr(own, "kept_cursor", None)
    if kept is None or kept.connection is not own.connection:
        kept = own.kept_cursor = ServerBindingCursor(own.connection)
    return own.make_debug_cursor(kept) if own.queries_logged else own.make_cursor(kept)

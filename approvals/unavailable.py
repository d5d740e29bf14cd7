"""What an error of the database means for whoever asked: it is away, or it may only be read."""

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction

AWAY = (OperationalError, InterfaceError)


def is_away(error: BaseException | None) -> bool:
    """Whether anything was recorded is not known: the answer to COMMIT may be what was lost."""
    is_too_late = isinstance(error, InternalError) and isinstance(
        error.__cause__, IdleInTransactionSessionTimeout
    )
    return isinstance(error, AWAY) or is_too_late


def is_read_only(error: BaseException | None) -> bool:
    """A standby, or a database that an operator has made so before its disk is full. Nothing was
    recorded."""
    return isinstance(error, InternalError) and isinstance(error.__cause__, ReadOnlySqlTransaction)

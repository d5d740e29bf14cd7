"""The one clock that all workers share. A worker's own may be an hour off; leases must not be."""

from datetime import datetime

from django.db import connection


def database_time() -> datetime:
    """The database's time of this moment, also inside a transaction; in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]

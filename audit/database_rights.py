"""What the application's login may do with each table, set by the owner after every migration.

An app names its exceptions as `table_rights` on its AppConfig; other tables get the usual four.
"""

from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

USUAL = "SELECT, INSERT, UPDATE, DELETE"
READ_ONLY = {"django_migrations": "SELECT", "django_content_type": USUAL}


def exceptions() -> dict[str, str]:
    rights = dict(READ_ONLY)
    for config in apps.get_app_configs():
        rights |= getattr(config, "table_rights", {})
    return rights


def give(connection: BaseDatabaseWrapper, *, to: str) -> None:
    """Run as owner. Afterwards `to` can do what its tables allow, and no DDL.

    In one step: whoever works meanwhile never has more rights than these, nor fewer.
    """
    quote = connection.ops.quote_name
    rights = exceptions()
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        role = quote(to)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT {USUAL} ON ALL TABLES IN SCHEMA public TO {role}")
        for table in sorted(rights.keys() & set(connection.introspection.table_names(cursor))):
            cursor.execute(f"REVOKE ALL ON {quote(table)} FROM {role}")
            cursor.execute(f"GRANT {rights[table]} ON {quote(table)} TO {role}")
        for part in _parts(cursor):  # only by the table that they are parts of
            cursor.execute(f"REVOKE ALL ON {quote(part)} FROM {role}")


def _parts(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    return [name for (name,) in cursor.fetchall()]

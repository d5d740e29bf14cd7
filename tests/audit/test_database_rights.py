"""`migrate` sets the rights of the application's login while others work with it."""

import pytest
from django.conf import settings
from django.db import connections

from audit import database_rights
from tests import postgres

WHAT = ("SELECT", "INSERT", "UPDATE", "DELETE")
SEEN = """
SELECT relname, privilege
FROM pg_class, unnest(%s::text[]) AS privilege
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND has_table_privilege(%s, oid, privilege)
"""


@pytest.mark.usefixtures("committed_db")
def test_nobody_sees_rights_that_are_half_set(monkeypatch):
    """What another connection sees in the middle is what was there before, and is there after."""
    before = _seen()
    assert ("audit_event", "INSERT") in before
    assert ("audit_event", "UPDATE") not in before
    in_the_middle = []
    parts = database_rights._parts

    def looked(cursor):
        in_the_middle.append(_seen())
        return parts(cursor)

    monkeypatch.setattr(database_rights, "_parts", looked)
    database_rights.give(connections["owner"], to=settings.DATABASES["default"]["USER"])
    assert in_the_middle == [before]
    assert _seen() == before


def _seen() -> set[tuple[str, str]]:
    with postgres.admin(settings.DATABASES["default"]["NAME"]) as connection:
        user = settings.DATABASES["default"]["USER"]
        return set(connection.execute(SEEN, [list(WHAT), user]).fetchall())

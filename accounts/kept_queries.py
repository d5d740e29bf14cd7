"""Queries whose text is kept: asked over and over, with nothing new in them but the values.

Django builds the SQL of a queryset anew each time it is asked, and PostgreSQL plans it anew; in the
commands that took longer than asking. A `Kept` query is built once, from a queryset with a `Slot` for
each value. Its values are sent beside its text, so that the database keeps its plan, too
(`prepare_threshold` of the connection, `config.database`).
"""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models import Expression, QuerySet
from django.db.models.sql.compiler import SQLCompiler


class Slot(Expression):
    """The place of a value. It is sent as it is given, so it must have the column's own type."""

    def __init__(self, name: str, output_field: models.Field | None = None) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list["Slot"]]:
        return "%s", [self]


class Kept:
    """`Kept(build)`, where `build` makes a queryset of a slot for each of the names in `values`.

    Calling it with the values gives what a list of that queryset would. Without prefetching; its
    text must not depend on the values, so none of them is None, a list or a condition. Its plan must
    not either: for what is found by a key.
    """

    def __init__(self, build: Callable[..., QuerySet], *names: str) -> None:
        self._build, self._names = build, names
        self._made: _Made | None = None

    def __call__(self, **values: Any) -> list:
        made = self._made or self._make()
        compiler = copy.copy(made.compiler)
        compiler.connection = connection
        params = tuple(values[p.name] if isinstance(p, Slot) else p for p in made.params)
        compiler.execute_sql = lambda *_, **__: [_fetched(made.text, params)]
        return list(made.queryset._iterable_class(_Asked(made.queryset, compiler)))

    def _make(self) -> "_Made":
        """Several threads may make it at once; what they see of each other's is whole."""
        queryset = self._build(**{name: Slot(name) for name in self._names})
        compiler = queryset.query.get_compiler(connection=connection)
        text, params = compiler.as_sql()
        self._made = _Made(queryset, compiler, text, params)
        return self._made


class _Made(NamedTuple):
    queryset: QuerySet
    compiler: SQLCompiler
    text: str
    params: tuple


def _fetched(text: str, params: tuple) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.cursor = ServerBindingCursor(connection.connection)
        cursor.execute(text, params)
        return cursor.fetchall()


class _Asked(SimpleNamespace):
    """What an iterable of Django asks its queryset for."""

    def __init__(self, queryset: QuerySet, compiler: SQLCompiler) -> None:
        query = SimpleNamespace(get_compiler=lambda *_, **__: compiler)
        super().__init__(
            db=connection.alias, model=queryset.model, query=query, _known_related_objects={}
        )

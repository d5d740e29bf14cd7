"""Queries whose text is kept: asked over and over, with nothing new in them but the values.

Django builds the SQL of a queryset anew each time it is asked, and PostgreSQL plans it anew; in the
commands that took longer than asking. A `Kept` query is built once, from a queryset with a `Slot` for
each value. Its values are sent beside its text, so that the database keeps its plan, too
(`prepare_threshold` of the connection, `config.database`).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Expression, ExpressionWrapper, F, Func, QuerySet, Value
from django.db.models.query import ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError
from psycopg import sql

from audit.prepared import kept_cursor


class Slot(Expression):
    """The place of a value. It is sent as it is given, so it must have the column's own type."""

    def __init__(self, name: str, output_field: models.Field | None = None) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list["Slot"]]:
        return "%s", [self]


def given(value: Any, field: models.Field) -> Expression:
    """A value as a part of a query; what is one already, such as a slot, as it is."""
    is_part = hasattr(value, "resolve_expression")
    return value if is_part else Value(value, output_field=field)


def is_among(value: Expression | F, ids: list[int] | Expression | F) -> Func:
    """Whether an id is one of an array, as a condition: `IN` whose text is the same for any number."""
    return Func(
        ExpressionWrapper(value, output_field=models.BigIntegerField()),
        given(ids, ArrayField(models.BigIntegerField())),
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=models.BooleanField(),
    )


class Kept:
    """`Kept(build)`, where `build` makes a queryset of a slot for each of the names in `values`.

    Calling it with the values gives what a list of that queryset would: models, or tuples of values.
    Without prefetching; its text must not depend on the values, so none of them is a condition, and a
    list is sent as an array, for `= ANY`. Its plan must not either: for what is found by keys, or
    counted whole.
    """

    def __init__(self, build: Callable[..., QuerySet], *names: str) -> None:
        self._build, self._names = build, names
        self._made: _Made | None = None

    def __call__(self, **values: Any) -> list:
        made = self._made or self._make()
        if made.locks and connection.get_autocommit():
            raise TransactionManagementError("It would lock rows for no longer than it takes.")
        params = [values[name] for name in made.names]
        return made.read(_fetched(made.text, params))

    def of(self, ids: QuerySet) -> list:
        """The same where its only value is what this query finds; asked in one, and planned anew."""
        made = self._made or self._make()
        try:
            text, params = ids.query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            return []
        with connection.cursor() as cursor:
            cursor.execute(made.text.replace("%s", f"ARRAY({text})"), params)
            return made.read(cursor.fetchall())

    def _make(self) -> "_Made":
        """Several threads may make it at once; what they see of each other's is whole."""
        queryset = self._build(**{name: Slot(name) for name in self._names})
        compiler = queryset.query.get_compiler(connection=connection)
        text, names = _with_constants(*compiler.as_sql())
        rows = _READS[queryset._iterable_class](compiler)
        self._made = _Made(text, names, rows, locks=queryset.query.select_for_update)
        return self._made


class _Made(NamedTuple):
    text: str
    names: list[str]
    read: "_Rows"
    locks: bool


def _with_constants(text: str, params: Iterable) -> tuple[str, list[str]]:
    """The text with all that is no slot in it, and the slots' names in the order of their places.

    A plan that is kept for all values uses an index of open requests only if it can see what is open.
    """
    params = list(params)
    placed = ["%s" if isinstance(one, Slot) else _literal(one) for one in params]
    text = text.replace("%%", "%%%%") % tuple(placed)
    return text, [one.name for one in params if isinstance(one, Slot)]


def _literal(value: Any) -> str:
    return sql.Literal(value).as_string(connection.connection).replace("%", "%%")


def _fetched(text: str, params: list) -> list[tuple]:
    cursor = kept_cursor()
    cursor.execute(text, params)
    return cursor.fetchall()


class _Rows:
    """Rows as a queryset of values gives them; what turns columns into values is found once."""

    def __init__(self, compiler: SQLCompiler) -> None:
        self._compiler = compiler
        columns = [column for column, _, _ in compiler.select[: compiler.col_count]]
        self._converters = compiler.get_converters(columns)

    def __call__(self, rows: list[tuple]) -> list:
        return list(map(tuple, self._converted(rows)))

    def _converted(self, rows: list[tuple]) -> Iterable:
        return self._compiler.apply_converters(rows, self._converters) if self._converters else rows


class _Models(_Rows):
    """Models with what is joined and annotated to them; the order of their columns is found once."""

    def __init__(self, compiler: SQLCompiler) -> None:
        super().__init__(compiler)
        found = compiler.klass_info
        self._model = found["model"]
        self._own = slice(found["select_fields"][0], found["select_fields"][-1] + 1)
        self._names = [column.target.attname for column, _, _ in compiler.select[self._own]]
        self._alias = connection.alias
        self._joined = get_related_populators(found, compiler.select, self._alias)
        self._annotated = compiler.annotation_col_map or {}

    def __call__(self, rows: list[tuple]) -> list:
        return [self._made_of(row) for row in self._converted(rows)]

    def _made_of(self, row: list | tuple) -> models.Model:
        made = self._model.from_db(self._alias, self._names, row[self._own])
        for joined in self._joined:
            joined.populate(row, made)
        for name, place in self._annotated.items():
            setattr(made, name, row[place])
        return made


_READS = {ModelIterable: _Models, ValuesListIterable: _Rows}

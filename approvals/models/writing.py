"""Rows that are written with statements whose text is made once (docs/decisions/0035).

Django makes the text of each INSERT and UPDATE anew, which took longer than writing the row.
"""

import functools
from collections.abc import Mapping
from typing import Any, Self

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.expressions import DatabaseDefault

from audit.prepared import kept_cursor


class WrittenRow(models.Model):
    """Columns are named by their attribute, as in `item_id`. Sends no signals."""

    class Meta:
        abstract = True

    @classmethod
    def add(cls, **columns: Any) -> Self:
        """As `objects.create` does."""
        row = cls(**columns)
        values = {name: value for name, value in row.columns().items() if _is_given(value)}
        text, told = cls._adding(tuple(values))
        cursor = kept_cursor()
        cursor.execute(text, cls._as_sent(values))
        for field, value in zip(told, cursor.fetchone(), strict=True):
            row.__dict__[field.attname] = _as_received(field, value)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return row

    @classmethod
    def write(cls, values: Mapping[str, Any], **where: Any) -> int:
        """As `objects.filter(**where).update(**values)` does, for columns that equal a value."""
        text = cls._writing(tuple(values), tuple(where))
        cursor = kept_cursor()
        cursor.execute(text, [*cls._as_sent(values), *where.values()])
        return cursor.rowcount

    def columns(self) -> dict[str, Any]:
        """By name, what stands in all columns but the id and what is derived."""
        return {name: getattr(self, name) for name in self._by_column()}

    @classmethod
    def _as_sent(cls, values: Mapping[str, Any]) -> list:
        fields, own = cls._by_column(), connections[DEFAULT_DB_ALIAS]
        return [fields[name].get_db_prep_save(value, own) for name, value in values.items()]

    @classmethod
    @functools.cache
    def _adding(cls, names: tuple[str, ...]) -> tuple[str, list[models.Field]]:
        """The text that adds a row with these columns, and the others, of which it tells."""
        fields, told = cls._by_column(), cls._others(names)
        columns = ", ".join(_quoted(fields[name].column) for name in names)
        values = ", ".join(_place(fields[name]) for name in names)
        back = ", ".join(_quoted(field.column) for field in told)
        table = _quoted(cls._meta.db_table)
        return f"INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING {back}", told  # noqa: S608 -- names of our own

    @classmethod
    @functools.cache
    def _writing(cls, names: tuple[str, ...], where: tuple[str, ...]) -> str:
        fields = cls._by_column()
        placed = ", ".join(
            f"{_quoted(fields[name].column)} = {_place(fields[name])}" for name in names
        )
        found = " AND ".join(f"{_quoted(name)} = %s" for name in where)
        return f"UPDATE {_quoted(cls._meta.db_table)} SET {placed} WHERE {found}"  # noqa: S608 -- names of our own

    @classmethod
    def _others(cls, names: tuple[str, ...]) -> list[models.Field]:
        return [field for field in cls._meta.concrete_fields if field.attname not in names]

    @classmethod
    @functools.cache
    def _by_column(cls) -> dict[str, models.Field]:
        """All columns but the id and what is derived."""
        return {
            field.attname: field
            for field in cls._meta.concrete_fields
            if not field.primary_key and not isinstance(field, models.GeneratedField)
        }


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _is_given(value: object) -> bool:
    """It is a value, and not what the database puts there by itself."""
    return not isinstance(value, DatabaseDefault)


def _as_received(field: models.Field, value: Any) -> Any:
    for convert in field.get_db_converters(connection):
        value = convert(value, None, connection)
    return value


def _place(field: models.Field) -> str:
    """Where its value goes in a statement; an array needs its type there."""
    typed = getattr(field, "get_placeholder", None)
    return typed(None, None, connection) if typed else "%s"

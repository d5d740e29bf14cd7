"""Rows that know what of them has changed since they were read.

A `RecordedRow` is one whose every change is told by an event, in plain JSON, so that it can be rebuilt
from them.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from django.db import DatabaseError

from approvals.models.writing import WrittenRow


class RowAsRead(WrittenRow):
    """Knows what differs from the row as it was read. Values are replaced, never changed in place."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection) -> Self:
        found = super().from_db(db, field_names, values)
        found._as_read = dict(zip(field_names, values, strict=False))
        found._as_saved = dict(found._as_read)
        return found

    @classmethod
    def add(cls, **columns: Any) -> Self:
        row = super().add(**columns)
        row._as_saved = row.columns()
        return row

    def save(self, *args: Any, **options: Any) -> None:
        super().save(*args, **options)
        names = options.get("update_fields")
        names = self._by_column() if names is None else names
        saved = {name: self.__dict__[name] for name in names if name in self.__dict__}
        self._as_saved = {**getattr(self, "_as_saved", {}), **saved}

    def save_changes(self) -> None:
        """Write the columns that differ from what stands in the row, and no others; all of a new row."""
        was = getattr(self, "_as_saved", None)
        if was is None:
            self.save()
            return
        now = self.columns()
        changed = [name for name, value in now.items() if name not in was or was[name] != value]
        if changed and any(hasattr(now[name], "resolve_expression") for name in changed):
            self.save(update_fields=changed)
        elif changed:
            self._update({name: now[name] for name in changed})

    def _update(self, values: Mapping[str, Any]) -> None:
        """As `save(update_fields=…)` does."""
        if self.write(values, id=self.pk) != 1:
            raise DatabaseError(f"{self!r} is not there to be changed.")
        self._as_saved = {**self._as_saved, **values}


class RecordedRow(RowAsRead):
    """Events tell of each of its columns. `PRIVATE` columns may hold customers' data."""

    PRIVATE: frozenset[str] = frozenset()

    class Meta:
        abstract = True

    def changed_columns(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What differs from what was read, or all of a new row: public columns, and private ones.

        From then on, this is what was read: call it once for each save.
        """
        now = self.columns()
        was = getattr(self, "_as_read", {})
        changed = {name: plain(v) for name, v in now.items() if name not in was or was[name] != v}
        self._as_read = now
        private = {name: value for name, value in changed.items() if name in self.PRIVATE}
        return {k: v for k, v in changed.items() if k not in private}, private

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Self:
        """A row, not saved, made of what events say of it; names that are no columns are left out."""
        fields = cls._by_column()
        known = {name: fields[name] for name in columns.keys() & fields.keys()}
        return cls(**{name: field.to_python(columns[name]) for name, field in known.items()})


def plain(value: object) -> object:
    """As JSON holds it: times in RFC 3339 with microseconds, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    return str(value) if isinstance(value, uuid.UUID) else value

"""A row whose every change is told by an event, in plain JSON, so that it can be rebuilt from them."""

import functools
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from django.db import models


class RecordedRow(models.Model):
    """Knows what differs from the row as it was read. `PRIVATE` columns may hold customers' data."""

    PRIVATE: frozenset[str] = frozenset()

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection) -> Self:
        found = super().from_db(db, field_names, values)
        found._as_read = dict(zip(field_names, values, strict=False))
        return found

    def save_changes(self) -> None:
        """Write what differs from what was read, or all of a new row."""
        was = getattr(self, "_as_read", None)
        changed = was and [name for name, v in self.columns().items() if was.get(name) != v]
        self.save(update_fields=changed)

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

    def columns(self) -> dict[str, Any]:
        """By name, what stands in the columns that events tell of: all but the id and what is derived."""
        return {field.attname: getattr(self, field.attname) for field in self._recorded_fields()}

    @classmethod
    @functools.cache
    def _recorded_fields(cls) -> list[models.Field]:
        return [
            field
            for field in cls._meta.concrete_fields
            if not field.primary_key and not isinstance(field, models.GeneratedField)
        ]

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Self:
        """A row, not saved, made of what events say of it; names that are no columns are left out."""
        fields = {field.attname: field for field in cls._recorded_fields()}
        known = {name: fields[name] for name in columns.keys() & fields.keys()}
        return cls(**{name: field.to_python(columns[name]) for name, field in known.items()})


def plain(value: object) -> object:
    """As JSON holds it: times in RFC 3339 with microseconds, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    return str(value) if isinstance(value, uuid.UUID) else value

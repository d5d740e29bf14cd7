"""A request in a worker's hand: under its lock, with its effect and what else counts at that moment.

Asked for each effect twice, in as few statements as can be, whose text is made once: Django builds it
anew for every call, which takes longer than PostgreSQL needs to answer.
"""

import functools
from dataclasses import dataclass
from typing import TypeVar

from django.db import connection, models

from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, Effect

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Beside:
    """What counts beside the two rows, as it is once they are locked."""

    quarantine: bool
    is_stopped: bool  # its system is held or paused
    calls: int  # attempts of this effect so far
    is_abandoned: bool  # one of them has no end
    is_settling: bool  # there is a finding of a person that waits for a second one


def locked(item_id: int) -> tuple[ApprovalRequest | None, Effect | None]:
    """The request, then its effect; both locked until the transaction ends."""
    return _one(ApprovalRequest, "id", item_id), _one(Effect, "item_id", item_id)


def _one(model: type[Row], column: str, value: int) -> Row | None:
    with connection.cursor() as cursor:
        cursor.execute(_locking(model, column), [value])
        row = cursor.fetchone()
    if row is None:
        return None
    fields = model._meta.concrete_fields
    values = [_read(field, value) for field, value in zip(fields, row, strict=True)]
    return model.from_db(connection.alias, [field.attname for field in fields], values)


def _read(field: models.Field, value: object) -> object:
    """As Django reads it; most columns need nothing."""
    reads = getattr(field, "from_db_value", None)
    return reads(value, None, connection) if reads else value


@functools.cache
def _locking(model: type[models.Model], column: str) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in model._meta.concrete_fields)
    return f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE {column} = %s FOR UPDATE"  # noqa: S608 -- names of our own


BESIDE = """
SELECT
  EXISTS (SELECT FROM approvals_quarantine WHERE is_open),
  EXISTS (SELECT FROM approvals_system
    WHERE slug = %(system)s AND (held_at IS NOT NULL OR paused_at IS NOT NULL)),
  (SELECT count(*) FROM approvals_attempt WHERE effect_id = %(effect)s),
  EXISTS (SELECT FROM approvals_attempt WHERE effect_id = %(effect)s AND finished_at IS NULL),
  EXISTS (SELECT FROM approvals_settlement WHERE item_id = %(item)s AND confirmed_at IS NULL)
"""


def beside(effect: Effect, kind: Kind) -> Beside:
    """To be asked after `locked`: a statement sees what was committed before it began."""
    system = kind.system_slug if kind.is_outside else None
    with connection.cursor() as cursor:
        cursor.execute(BESIDE, {"effect": effect.pk, "item": effect.item_id, "system": system})
        return Beside(*cursor.fetchone())

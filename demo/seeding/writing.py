"""Stories into the tables, a chunk in one transaction, with the application's login and past no trigger.

A request may only begin as version 1, and each version follows from the one before (I3). So rows are
copied as they end, but with what their first version said of state and content, and the versions
after it are made in steps, one statement for all requests that have that many.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Model

from approvals.models import (
    ApprovalRequest,
    Attempt,
    Decision,
    Effect,
    Note,
    Settlement,
    Step,
)
from audit.models import Event
from demo.seeding.story import Story, Version

NEXT_VERSION = """
UPDATE approvals_approvalrequest AS r SET version = r.version + 1, state = v.state,
    revision = v.revision, reason = v.reason, content_hash = v.content_hash
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::text[])
    AS v (id, state, revision, reason, content_hash)
WHERE r.id = v.id
"""
GIVEN_BY_DATABASE = (models.GeneratedField, models.BigAutoField)


def references(prefixes: Sequence[str]) -> list[str]:
    """The next reference of each prefix, as `submit` would get them one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT approvals_next_reference(p) FROM unnest(%s::text[]) WITH ORDINALITY AS t (p, n)"
            " ORDER BY n",
            [list(prefixes)],
        )
        return [reference for (reference,) in cursor.fetchall()]


def numbers(model: type[Model], count: int) -> list[int]:
    """The next ids of this model's rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [number for (number,) in cursor.fetchall()]


def make_durable() -> None:
    """All that was written before is on disk now: this commits as strictly as anything else does."""
    _execute("SELECT pg_current_xact_id()")


def write(stories: Sequence[Story]) -> int:
    """All of them or none; how many events were written. On disk after `make_durable`."""
    effects = [story.effect for story in stories if story.effect]
    for effect, number in zip(effects, numbers(Effect, len(effects)), strict=True):
        effect.pk = number
    with transaction.atomic():
        _execute("SET LOCAL synchronous_commit TO off")
        _copy(ApprovalRequest, _first_versions(stories), with_id=True)
        for later in _later_versions(stories):
            _execute(NEXT_VERSION, *map(list, zip(*later, strict=True)))
        _copy(Step, (row for s in stories for row in (*s.earlier_steps, *s.steps)))
        _copy(Decision, (row for s in stories for row in s.decisions))
        _copy(Note, (row for s in stories for row in s.notes))
        _copy(Settlement, (row for s in stories for row in s.settlements))
        _copy(Effect, effects, with_id=True)
        _copy(Attempt, (row for s in stories for row in _attempts(s)))
        _execute(
            "SELECT audit_head(t) FROM unnest(%s::text[]) AS t", [s.item.stream for s in stories]
        )
        _copy(Event, (event for s in stories for event in s.events), without=["xid"])
    return sum(len(story.events) for story in stories)


def _first_versions(stories: Iterable[Story]) -> Iterator[dict[str, Any]]:
    for story in stories:
        state, revision, reason, content_hash = story.versions[0]
        yield {
            **story.item.__dict__,
            "version": 1,
            "state": state,
            "revision": revision,
            "reason": reason,
            "content_hash": content_hash,
        }


def _later_versions(stories: Iterable[Story]) -> Iterator[list[tuple[int, *Version]]]:
    """The second version of each request that has one, then the third, and so on."""
    left = [story for story in stories if len(story.versions) > 1]
    number = 1
    while left:
        yield [(story.item.pk, *story.versions[number]) for story in left]
        number += 1
        left = [story for story in left if len(story.versions) > number]


def _attempts(story: Story) -> list[Attempt]:
    for attempt in story.attempts:
        attempt.effect_id = story.effect.pk
    return story.attempts


def _execute(statement: str, *values: list) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _copy(
    model: type[Model],
    rows: Iterable[Model | dict[str, Any]],
    *,
    with_id: bool = False,
    without: Sequence[str] = (),
) -> None:
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.name not in without
        and (not isinstance(field, GIVEN_BY_DATABASE) or (with_id and field.primary_key))
    ]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    names = [field.attname for field in fields]
    json_at = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            known = row if isinstance(row, dict) else row.__dict__
            values = [known[name] for name in names]
            for place in json_at:
                values[place] = json.dumps(values[place])
            copy.write_row(values)

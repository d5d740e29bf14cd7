"""A request under its lock: read once, shown as it is left, and as it is once the lock is there."""

import json
import threading

import pytest
from django.db import connection, connections, transaction

from approvals import whole
from approvals.api import showing
from approvals.commands import decide, moving
from approvals.commands.policies import load_policy
from approvals.refusals import RevisionMismatch
from tests.demo.conftest import until

ONE = {"steps": [{"team": "Finance", "quorum": 1}]}
TWO = {"steps": [{"team": "Finance", "quorum": 2}]}
IN_ORDER = {"steps": [{"team": "Finance", "quorum": 1}, {"team": "Operations", "quorum": 1}]}
TOGETHER = {
    "steps": [
        {"team": "Finance", "quorum": 1},
        {"team": "Operations", "quorum": 1, "with_previous": True},
    ]
}


def policy(cast, rule: dict) -> int:
    table = [{"name": "All", **rule}]
    return load_policy(slug="refunds", name="Refunds", table=table, at=cast.now).number


def shown_and_read(cast, item, verb, **body) -> tuple[dict, dict]:
    """What the command showed, and what is there to be read after it."""
    answer = verb(
        ref=item.ref,
        by=cast.approver,
        at=cast.now,
        key=cast.key(),
        revision=1,
        step=1,
        show=showing.request_as_left(cast.now),
        **body,
    )
    left = whole.requests().get(pk=item.pk)
    return json.loads(answer.shown), json.loads(showing.answered(left, answer.event, cast.now))


@pytest.mark.parametrize("rule", [ONE, TWO, IN_ORDER, TOGETHER])
def test_an_approval_shows_what_is_read_afterwards(cast, rule):
    policy(cast, rule)
    shown, read = shown_and_read(cast, cast.ask(), decide.approve)
    assert shown == read


@pytest.mark.parametrize("verb", [decide.reject, decide.send_back])
def test_a_no_and_a_question_show_what_is_read_afterwards(cast, verb):
    shown, read = shown_and_read(cast, cast.ask(), verb, reason="The parcel arrived.")
    assert shown == read


def test_approved_anew_after_taking_back_it_shows_the_effect_there_is(cast):
    item = cast.ask()
    cast.approve(item)
    decide.take_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key())
    shown, read = shown_and_read(cast, item, decide.approve)
    assert shown == read
    assert read["execution"] is not None


def test_under_the_lock_is_what_the_other_command_left(committed_db, cast):
    """The row that was waited for is joined to another policy's version now."""
    policy(cast, ONE)
    item = cast.ask()
    new = policy(cast, TWO)
    outcome: list[BaseException] = []

    def approve() -> None:
        try:
            decide.approve(ref=item.ref, by=cast.approver, at=cast.now, key="A", revision=1, step=1)
        except Exception as error:
            outcome.append(error)
        finally:
            connections.close_all()

    other = threading.Thread(target=approve)
    with transaction.atomic():
        moving.move_policy(
            ref=item.ref, by=cast.admin, at=cast.now, key="M", to=new, reason="Two are enough."
        )
        other.start()
        until(somebody_waits)
    other.join()
    assert [type(error) for error in outcome] == [RevisionMismatch]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def test_what_was_read_beside_it_is_forgotten_when_it_is_read_anew(cast):
    policy(cast, TWO)
    item = whole.requests().get(pk=cast.ask().pk)
    assert item.every_decision == []
    cast.approve(item)
    assert item.every_decision == []
    item.refresh_from_db()
    assert len(item.every_decision) == 1

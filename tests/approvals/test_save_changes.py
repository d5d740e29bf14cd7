"""A row writes the columns that differ from what stands in it, and no others."""

import pytest
from django.db import DatabaseError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from approvals.models import Effect

pytestmark = pytest.mark.django_db


@pytest.fixture
def effect(cast) -> Effect:
    item = cast.approve(cast.ask())
    return Effect.objects.get(item=item)


def written(effect: Effect) -> list[str]:
    """The statements that saving makes."""
    with CaptureQueriesContext(connection) as captured:
        effect.save_changes()
    return [query["sql"] for query in captured.captured_queries]


def test_only_what_changed_is_written(effect):
    effect.attempts, effect.last_cause = 3, "no-answer"
    [statement] = written(effect)
    assert statement.count(" = ") == 3  # two columns, and the row
    fresh = Effect.objects.get(pk=effect.pk)
    assert (fresh.attempts, fresh.last_cause) == (3, "no-answer")


def test_what_did_not_change_is_not_written(effect):
    assert written(effect) == []
    effect.attempts = effect.attempts + 0
    assert written(effect) == []


def test_what_is_changed_back_is_written_again(effect):
    for asks in (True, False, True):
        effect.ask_first = asks
        effect.save_changes()
        assert Effect.objects.get(pk=effect.pk).ask_first == asks
    effect.ask_first = False
    effect.save(update_fields=["ask_first"])
    effect.ask_first = True
    effect.save_changes()
    assert Effect.objects.get(pk=effect.pk).ask_first


def test_what_another_wrote_meanwhile_stays(effect):
    Effect.objects.filter(pk=effect.pk).update(last_cause="no-answer")
    effect.attempts = 1
    effect.save_changes()
    assert Effect.objects.get(pk=effect.pk).last_cause == "no-answer"


def test_an_expression_is_left_to_django(effect):
    effect.attempts = F("attempts") + 2
    effect.save_changes()
    assert Effect.objects.get(pk=effect.pk).attempts == 2


def test_a_row_that_is_gone_is_an_error(effect):
    effect.pk, effect.attempts = -1, 1
    with pytest.raises(DatabaseError):
        effect.save_changes()


def test_every_column_of_a_request_can_be_written(cast):
    """Each in its own form: JSON, lists, times, identities."""
    item = cast.ask()
    values = item.columns()
    item._as_saved = {}
    with CaptureQueriesContext(connection) as captured, pytest.raises(DatabaseError):
        item.save_changes()  # the version is not raised, which the guard refuses
    [statement] = [query["sql"] for query in captured.captured_queries]
    assert all(f'"{name}" = ' in statement for name in values)

"""What an effect is called at its provider: so that what we forgot and are asked for again is not done twice."""

from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction

from approvals.commands import quarantine as commands
from approvals.commands import submit
from approvals.kinds.base import Done
from approvals.kinds.refund import Refund
from approvals.models import Effect, IdempotencyRecord, State, effect_key


def ask(cast, key: str, *, by=None, **changes):
    arguments = cast.refund_arguments(**changes)
    answer = submit.submit(by=by or cast.requester, at=cast.now, key=key, **arguments)
    return cast.get(answer.ref)


@contextmanager
def forgotten(cast):
    """What happens here is lost afterwards, as after a restore. References are not given twice."""
    first = cast.ask()
    submit.withdraw(ref=first.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    kept = transaction.savepoint()
    yield
    transaction.savepoint_rollback(kept)


def restore(cast) -> None:
    """Begun and released a moment ago."""
    begin(cast)
    release(cast)


def begin(cast) -> None:
    commands.begin(reason="Restored to 09:00.", by=cast.admin, at=cast.now, key=cast.key())


def release(cast) -> None:
    other = cast.second_operator
    other.is_staff = True
    other.save()
    for command, by in [
        (commands.reconcile, cast.admin),
        (commands.ask_release, cast.admin),
        (commands.release, other),
    ]:
        command(by=by, at=cast.now, key=cast.key())


def test_what_was_lost_and_is_sent_again_is_known_by_the_same_key(cast):
    with forgotten(cast):
        lost = cast.approve(ask(cast, "K-1"))
        called = lost.effect.key
    cast.now += timedelta(hours=1)
    again = cast.approve(ask(cast, "K-1"))
    assert again.ref != lost.ref
    assert again.effect.key == called


def test_what_was_paid_lost_and_sent_again_is_not_paid_again(cast, provider):
    """By its key alone the provider refuses another text; asked first, it says what it did."""
    with forgotten(cast):
        cast.run(cast.approve(ask(cast, "K-1")))
        [paid] = provider.sent
    restore(cast)
    provider.finds = Done("re_1", "Refund re_1: status succeeded.")
    again = cast.approve(ask(cast, "K-1"))
    cast.run(again)
    assert [one.key for one in provider.asked] == [paid.key]
    assert provider.sent == [paid]
    after = cast.get(again.ref)
    assert (after.state, after.effect.provider_reference) == (State.DONE, "re_1")


def test_what_is_new_after_a_restore_is_asked_about_and_sent(cast, provider):
    restore(cast)
    item = cast.approve(ask(cast, "K-1"))
    cast.run(item)
    assert (len(provider.asked), len(provider.sent)) == (1, 1)
    assert cast.get(item.ref).state == State.DONE


def test_what_is_asked_for_a_week_after_a_restore_is_sent_without_a_question(cast, provider):
    restore(cast)
    cast.now += timedelta(days=7)
    cast.run(cast.approve(ask(cast, "K-1")))
    assert (len(provider.asked), len(provider.sent)) == (0, 1)


def test_however_late_it_is_approved_the_provider_is_asked_first(cast, provider):
    """The provider has forgotten its key by then."""
    with forgotten(cast):
        cast.run(cast.approve(ask(cast, "K-1")))
    restore(cast)
    cast.now += timedelta(days=6)
    item = ask(cast, "K-1")
    cast.now += timedelta(days=2)
    provider.finds = Done("re_1")
    cast.run(cast.approve(item))
    assert (len(provider.asked), len(provider.sent)) == (1, 1)


def test_the_week_begins_with_the_release(cast, provider):
    """Nothing can be sent before, and who would send again waits for it."""
    begin(cast)
    cast.now += timedelta(days=9)
    release(cast)
    cast.run(cast.approve(ask(cast, "K-1")))
    assert (len(provider.asked), len(provider.sent)) == (1, 1)


def test_without_a_restore_nobody_is_asked_first(cast, provider):
    cast.run(cast.approve(ask(cast, "K-1")))
    assert (len(provider.asked), len(provider.sent)) == (0, 1)


def test_the_same_key_of_two_people_is_two_effects(cast):
    people = (cast.requester, cast.other_requester)
    assert len({ask(cast, "K-1", by=who).effect_key for who in people}) == 2


def test_a_key_that_is_used_anew_after_its_time_is_another_effect(cast):
    """Its answer is forgotten after a week: nobody means the earlier one any more."""
    keys = set()
    for _ in range(3):
        keys.add(cast.approve(ask(cast, "K-1")).effect.key)
        IdempotencyRecord.objects.all().delete()
    assert len(keys) == 3


def test_a_quarantine_gives_each_request_an_effect_of_its_own(cast):
    items = []
    for _ in range(3):
        items.append(ask(cast, "K-1"))
        IdempotencyRecord.objects.all().delete()
    begin(cast)
    effects = Effect.objects.filter(item__in=items)
    assert effects.values("key").distinct().count() == 3
    assert effects.get(key=items[0].effect_key).item == items[0]


def test_what_is_looked_at_before_is_told_its_key(cast, monkeypatch):
    told = []
    monkeypatch.setattr(Refund, "examine_again", lambda self, payload, key: told.append(key) or [])
    item = ask(cast, "K-1")
    assert told == [item.effect_key]


def test_the_key_says_nothing_of_who_asked(cast):
    item = ask(cast, "order-4711-of-Silva")
    assert item.effect_key == effect_key(
        cast.access(cast.requester).person_key,
        f"user:{cast.requester.pk}",
        "order-4711-of-Silva",
    )
    assert item.effect_key.startswith("aq-")
    assert "4711" not in item.effect_key

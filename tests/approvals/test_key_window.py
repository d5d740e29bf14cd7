"""Past the day for which a provider keeps keys, a repeat could happen twice (T2.4)."""

from datetime import timedelta

from approvals.commands import settle
from approvals.kinds.base import Absent, Unknown
from approvals.models import State
from tests.approvals.common import events_of


def test_what_is_too_old_to_repeat_waits_for_people_whose_choice_is_audited(cast, provider):
    provider.sends, provider.finds = Unknown("no-answer"), Absent()
    item = cast.approve(cast.ask())
    cast.run(item)
    assert cast.run(item, at=cast.now + timedelta(hours=24)) == "needs a person"
    assert cast.run(item, at=cast.now + timedelta(hours=48)) == "nothing"
    assert len(provider.sent) == 1
    item = cast.get(item.ref)
    assert (item.state, item.cause) == (State.NEEDS_PERSON, "key-window-passed")

    asked = {"ref": item.ref, "at": cast.now + timedelta(hours=25), "revision": item.revision}
    settle.settle(
        **asked, by=cast.operator, key=cast.key(), happened=False, reason="Not in the dashboard."
    )
    settle.confirm_settlement(**asked, by=cast.second_operator, key=cast.key())
    found, confirmed = events_of(item)[-2:]
    assert (found.action, found.reason) == ("request.settle", "Not in the dashboard.")
    assert (found.actor_id, confirmed.actor_id) == (
        cast.access(cast.operator).actor.id,
        cast.access(cast.second_operator).actor.id,
    )
    assert confirmed.facts["outcome"] == "not done"
    assert len(provider.sent) == 1

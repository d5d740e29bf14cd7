from approvals.models import State


def test_a_refund_is_asked_for_and_approved(cast):
    item = cast.ask()
    assert item.state == State.PENDING
    assert cast.approve(item).state == State.APPROVED

"""Who may hand over and who may read it: asked of rights on queues, as everywhere."""

from collections.abc import Iterable

from django.db.models import Q

from accounts.access import Access
from approvals.rules import SEEING
from handoffs.models import Handoff, HandoffState


def may_hand_over(by: Access) -> bool:
    """People who operate some queue start handoffs and receive them; programs never do."""
    return by.is_active and not by.is_service and bool(by.queues_with("operate_request"))


def may_receive(person: Access, sender: Access) -> bool:
    """Another human who operates at least one of the queues that the sender operates."""
    shared = set(person.queues_with("operate_request")) & set(sender.queues_with("operate_request"))
    return may_hand_over(person) and person.person_key != sender.person_key and bool(shared)


def told_of(sender: Access, receiver: Access) -> list[int]:
    """The queues that a handoff between these two is about: operated by one, seen by the other."""
    return sorted(set(sender.queues_with("operate_request")) & set(receiver.queues_with(*SEEING)))


def may_read_some(by: Access) -> bool:
    return by.is_active and bool(by.queues_with(*SEEING))


def readable_by(by: Access) -> Q:
    """Handoffs that were sent and are about a queue that one sees. A draft is only its sender's.

    As a condition on handoffs; may list one more than once.
    """
    if not may_read_some(by):
        return Q(pk__in=())
    sent = Q(sent_at__isnull=False, queues__in=by.queues_with(*SEEING))
    return sent | Q(sender=by.user_id)


def may_read(handoff: Handoff, queues: Iterable[int], by: Access) -> bool:
    """The same of one handoff that is about `queues`."""
    if not may_read_some(by):
        return False
    if handoff.sender_id == by.user_id:
        return True
    is_sent = handoff.state != HandoffState.DRAFT and handoff.sent_at is not None
    return is_sent and bool(set(queues) & set(by.queues_with(*SEEING)))

"""Who reads which events, and who checks the record: asked of rights on queues, as everywhere."""

from django.db.models import Exists, OuterRef, Q

from accounts.access import Access
from approvals.models import ApprovalRequest, Queue
from approvals.rules import SEEING


def may_read_some(by: Access) -> bool:
    """People who see some queue, and administrators. Programs have the feed of the API."""
    return by.is_active and not by.is_service and (by.is_staff or bool(by.queues_with(*SEEING)))


def may_verify(by: Access) -> bool:
    """People who audit some queue, and administrators."""
    return (
        by.is_active and not by.is_service and (by.is_staff or bool(by.queues_with("audit_queue")))
    )


def reads_all(by: Access) -> bool:
    """Administrators, and who audits every queue there is: sign-ins, settings and policies, too."""
    if by.is_staff:
        return True
    audited = set(by.queues_with("audit_queue"))
    return bool(audited) and audited.issuperset(Queue.objects.values_list("pk", flat=True))


def readable_by(by: Access) -> Q:
    """The events that `by` may read, as a condition on events: for lists, one event and files alike.

    Of the queues that one sees: what happened to their requests. Of those that one audits, also what
    was tried with them and refused, and what the provider said of them. `Q()` means all events.
    """
    if not may_read_some(by):
        return Q(pk__in=())
    if reads_all(by):
        return Q()
    seen = ApprovalRequest.objects.filter(queue__in=by.queues_with(*SEEING))
    readable = Q(Exists(seen.filter(stream=OuterRef("stream"))))
    if audited := by.queues_with("audit_queue"):
        tried = ApprovalRequest.objects.filter(queue__in=audited, ref=OuterRef("target_id"))
        readable |= Q(Exists(tried), target_type="request")
    return readable

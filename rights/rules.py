"""Who reads and who changes who may do what."""

from accounts.access import Access
from accounts.verdicts import Verdict, denied
from approvals.rules import not_held


def queues_read(by: Access) -> list[int] | None:
    """The queues whose rights they read; None for all. Administrators, and who audits a queue."""
    if not by.is_active or by.is_service:
        return []
    return None if by.is_staff else by.queues_with("audit_queue")


def may_read_people(by: Access) -> bool:
    return by.is_active and not by.is_service and by.is_staff


def may_accept(changes: list, asked_key: object, by: Access) -> Verdict:
    """`changes` as `rights.changes.Change`; `asked_key` is the person who asked for them."""
    if by.person_key == asked_key:
        return denied(
            "own-proposal", "You asked for it yourself: another administrator accepts it."
        )
    if any(change.favours == by.person_key for change in changes):
        return denied(
            "own-rights", "It gives rights to yourself: another administrator accepts it."
        )
    return not_held(by)

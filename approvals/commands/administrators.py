"""What only administrators may do, whatever the queue."""

from accounts.access import Access
from accounts.verdicts import denied
from approvals.refusals import NotAllowed


def check_administrator(person: Access, what: str) -> None:
    """`what` completes the sentence “Only administrators …”. Raises `NotAllowed`."""
    if not person.is_staff or not person.is_active or person.is_service:
        raise NotAllowed(denied("administrators", f"Only administrators {what}."))

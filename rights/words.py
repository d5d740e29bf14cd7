"""Rights on queues as people read them, in the order of the matrix."""

from typing import NamedTuple


class Right(NamedTuple):
    """`label` heads a column, `phrase` completes “Finance may …”."""

    label: str
    phrase: str


RIGHTS = {
    "view_queue": Right("See", "see requests"),
    "submit_request": Right("Ask", "ask for something"),
    "decide_request": Right("Decide", "decide requests"),
    "operate_request": Right("Operate", "keep requests moving"),
    "answer_request": Right("Answer", "see what customers may be told"),
    "manage_policy": Right("Policy", "change the policy"),
    "audit_queue": Right("Audit", "see requests and their record"),
    "break_glass": Right("Break glass", "decide in an emergency"),
}

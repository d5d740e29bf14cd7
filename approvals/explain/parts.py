"""What the sentences are made of: the answer's shape, the case at hand, and pieces of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, System
from approvals.wording import clock, short_name, shortened, visible

LONGEST = 140


@dataclass(frozen=True)
class Deciders:
    """Who can decide the open step now, and when their team works."""

    names: Sequence[str] = ()
    place: str = ""
    open_until: datetime | None = None
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Waiting:
    """`moved` says whether anything changed in the outside world; `stuck` why it is stuck, or "".

    `runbook` is the slug of the page that says what to do, or "".
    """

    label: str
    tone: str
    sentence: str
    since: datetime
    moved: str
    next: str = ""
    next_at: datetime | None = None
    who: str = ""
    stuck: str = ""
    runbook: str = ""
    heading: str = "Why it is waiting"


@dataclass(frozen=True)
class Case:
    """What is explained. `nothing` says for this kind that nothing has moved."""

    item: ApprovalRequest
    kind: Kind
    deciders: Deciders
    now: datetime
    system: System | None = None
    nothing: str = ""

    def time(self, at: datetime) -> str:
        return clock(at, self.now)


def quoted(text: str, room: int) -> str:
    return f"“{shortened(visible(text), max(room, 20))}”"


def name(person: object) -> str:
    return shortened(visible(short_name(person.name)), 30)


def fitting(sentence: str, shorter: str) -> str:
    return sentence if len(sentence) <= LONGEST else shortened(shorter, LONGEST)

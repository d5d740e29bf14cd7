"""What goes in and out, as types: the OpenAPI document is made of these.

Money is an integer in minor units with an ISO 4217 currency. Times are RFC 3339 in UTC with `Z`.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from approvals.models import State
from approvals.replies import ENGLISH, LANGUAGES

REF = r"^[A-Za-z]{2,4}-[0-9]{1,15}$"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
STATES = [state.value for state in State if state != State.NEW]
LONGEST_TEXT = 2000
NOT_BLANK = r"\S"


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("write the time like 2026-11-24T09:12:00Z")
    return datetime.fromisoformat(value.upper()).astimezone(UTC)


def told(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
Told = Annotated[
    datetime,
    PlainSerializer(told, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class Body(BaseModel):
    """What is sent: nothing that is not named here, and no text taken for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=False)


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_mode_override="serialization")


Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Needed = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=NOT_BLANK)]
Named = Annotated[str, Field(min_length=1, max_length=100, pattern=NOT_BLANK)]


# --- Commands ---------------------------------------------------------------------------------------


class Submit(Body):
    """Something that you want done. `payload` is as its kind defines it."""

    kind: Annotated[str, Field(max_length=40)]
    payload: dict[str, Any]
    customer: Named
    reason: Needed
    ticket: Annotated[str, Field(max_length=100)] = ""
    queue: Annotated[str, Field(max_length=50)] = ""
    is_another: Annotated[
        bool, Field(description="Ask although an open request asks for the same thing.")
    ] = False


class Resubmit(Body):
    revision: Annotated[int, Field(ge=1, description="The revision that you saw.")]
    payload: dict[str, Any]
    customer: Named
    reason: Needed
    ticket: Annotated[str, Field(max_length=100)] = ""


class Approve(Body):
    revision: Annotated[int, Field(ge=1, description="The revision that you saw.")]
    step: Annotated[int, Field(ge=1, description="The number of the step that you saw.")]
    reason: Text = ""


class Decide(Body):
    revision: Annotated[int, Field(ge=1, description="The revision that you saw.")]
    step: Annotated[int, Field(ge=1, description="The number of the step that you saw.")]
    reason: Needed


class Reason(Body):
    reason: Needed


class Assign(Body):
    to: Annotated[str, Field(min_length=3, max_length=254, description="An e-mail address.")]


class Settle(Body):
    revision: Annotated[int, Field(ge=1, description="The revision that you saw.")]
    happened: Annotated[bool, Field(description="Whether the effect happened.")]
    reason: Annotated[Needed, Field(description="The evidence: what you saw, where and when.")]
    reference: Annotated[
        str, Field(max_length=200, description="The provider's own reference, if there is one.")
    ] = ""


class ConfirmSettlement(Body):
    revision: Annotated[int, Field(ge=1, description="The revision that you saw.")]
    reason: Text = ""
    finding: Annotated[
        int | None, Field(ge=1, description="The id of the finding that you read.")
    ] = None


class CopyReply(Body):
    language: Literal[*LANGUAGES] = ENGLISH
    reply_id: Annotated[
        str,
        Field(
            max_length=64,
            description="The `reply_id` of the answer that you read: refused when the answer has "
            "changed since. Empty: whatever it is now.",
        ),
    ] = ""


class Nothing(Body):
    """No field is needed. An empty body will do."""


# --- The request -------------------------------------------------------------------------------------


class PersonShape(Shape):
    id: str
    name: str


class StepShape(Shape):
    number: int
    team: str
    quorum: int
    approved: int
    due_at: Told | None
    state: Literal["waiting", "open", "done"]
    person_present: Annotated[bool, Field(description="A token cannot decide this step.")]


class WaitingShape(Shape):
    """What it waits for. `moved` says whether anything changed in the outside world."""

    on: Annotated[
        str | None,
        Field(
            description="The team, `requester`, `operations` or the outside system. Null: nothing."
        ),
    ]
    since: Told
    due_at: Told | None
    sentence: str
    next: str
    next_at: Told | None
    moved: str
    who_can_act: list[str]
    runbook: Annotated[
        str | None, Field(description="The address of the page that says what to do.")
    ]
    stuck: bool
    stuck_because: str | None


class ExecutionShape(Shape):
    attempts: int
    max_attempts: int
    next_attempt_at: Told | None
    last_cause: str | None
    provider_reference: str | None


class FindingShape(Shape):
    """What one person found out about the outcome; it waits for a second person."""

    id: int
    happened: bool
    evidence: str
    reference: str
    proposed_by: PersonShape
    proposed_at: Told


class PolicyShape(Shape):
    slug: str
    version: int
    rule: str


class LinksShape(Shape):
    self: str
    html: str
    events: str
    attempts: str
    answer: str
    approvers: str


class RequestShape(Shape):
    """An approval request, as it stands."""

    ref: str
    kind: str
    queue: str
    state: Literal[*STATES]
    held: bool
    revision: int
    version: int
    content_hash: str
    amount: Annotated[int | None, Field(description="In minor units of `currency`.")]
    currency: str | None
    customer: str
    ticket: str
    payload: dict[str, Any]
    reason: str
    origin: Literal["page", "api"]
    requested_by: PersonShape
    owner: PersonShape | None
    steps: list[StepShape]
    waiting: WaitingShape
    execution: ExecutionShape | None
    finding: FindingShape | None
    policy: PolicyShape
    created_at: Told
    updated_at: Told
    links: LinksShape


class EventPlaceShape(Shape):
    """A receipt: keep it, and you can tell whether the record still says what it said to you."""

    stream: str
    seq: int
    hash: Annotated[str, Field(description="SHA-256 of the event, in hexadecimal.")]


class LeftShape(RequestShape):
    """The request as a command leaves it."""

    event: Annotated[
        EventPlaceShape | None,
        Field(
            description="What the command recorded. Null for answers from before there were any."
        ),
    ]


class RequestsPage(Shape):
    items: list[RequestShape]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Filters(BaseModel):
    """Several filters narrow each other. An unknown one is refused."""

    state: Literal[*STATES] | None = None
    kind: Annotated[str | None, Field(max_length=40)] = None
    queue: Annotated[str | None, Field(max_length=50)] = None
    waiting_on: Annotated[
        str | None,
        Field(
            max_length=150,
            description="`me`, `people`, `systems`, or the name of a team.",
        ),
    ] = None
    customer: Annotated[str | None, Field(max_length=100)] = None
    ticket: Annotated[str | None, Field(max_length=100)] = None
    owner: Annotated[
        str | None, Field(max_length=254, description="`me`, `nobody`, or an e-mail address.")
    ] = None
    cause: Annotated[str | None, Field(max_length=60)] = None
    stuck: Literal["true", "false"] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    q: Annotated[
        str | None,
        Field(max_length=100, description="A reference, ticket, order, account or customer."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=500)] = None


# --- Around a request --------------------------------------------------------------------------------


class ActorShape(Shape):
    type: str
    id: str
    label: str
    auth_method: str
    on_behalf_of: str


class TargetShape(Shape):
    type: str
    id: str
    version_before: int | None
    version_after: int | None


class EventShape(Shape):
    """One command, or one refused attempt at one. `stream`, `seq` and `hash` are its receipt."""

    id: str
    stream: str
    seq: int
    hash: str
    action: str
    outcome: Literal["success", "denied", "failed", "in_doubt"]
    sentence: str
    actor: ActorShape
    target: TargetShape
    occurred_at: Told
    recorded_at: Told
    reason_code: str
    reason: str
    policy: str
    changes: list[dict[str, Any]]
    facts: dict[str, Any]
    request_id: str
    trace_id: str


class EventsPage(Shape):
    items: list[EventShape]
    next_cursor: str | None


class FeedPage(Shape):
    items: list[EventShape]
    cursor: Annotated[
        str, Field(description="Where to go on from: send it as `after`, also when nothing came.")
    ]
    has_more: bool


class FeedFilters(BaseModel):
    after: Annotated[
        str | None,
        Field(max_length=200, description="The `cursor` of the page before; none: the beginning."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 100


class PageFilters(BaseModel):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None


class AttemptShape(Shape):
    """One call to the outside system, written before the call was made."""

    number: int
    purpose: Literal["send", "look_up", "probe"]
    started_at: Told
    finished_at: Told | None
    outcome: str
    cause: str | None
    meaning: str | None
    provider_reference: str | None
    evidence: str


class AttemptsShape(Shape):
    key: Annotated[str | None, Field(description="The key towards the provider; it never changes.")]
    items: list[AttemptShape]


class AnswerShape(Shape):
    """What support may say: `agent` for their own eyes, `customer` to be copied into a reply."""

    agent: str
    customer: Annotated[
        str, Field(description="Empty where no text has been reviewed in this language.")
    ]
    safe: str
    unsafe: str
    as_of: Told
    language: Literal[*LANGUAGES]
    version: Annotated[
        int | None, Field(description="Which reviewed wording of the text `customer` is.")
    ]
    reply_id: Annotated[
        str, Field(description="Names these words; send it with copy-reply. Empty without a text.")
    ]


class AnswerFilters(BaseModel):
    language: Annotated[Literal[*LANGUAGES], Field(description="Of `customer`; ISO 639-1.")] = (
        ENGLISH
    )


class ApproverShape(Shape):
    """`why_not` is the sentence of the rule that refuses; null for who can decide now."""

    id: str
    name: str
    can_decide: bool
    rule: str | None
    why_not: str | None


class ApproversShape(Shape):
    step: int | None
    team: str | None
    approvers: list[ApproverShape]


class CommandShape(Shape):
    """What became of a command: carried out, or refused for good."""

    key: str
    operation: str
    outcome: Literal["carried_out", "refused"]
    status: int
    ref: str
    version: int | None
    at: str | None
    sentence: str
    event: EventPlaceShape | None
    problem: str | None
    expires_at: Told


# --- Policies ----------------------------------------------------------------------------------------


class Simulate(Body):
    """A version of the policy, or rules as in a policy file, over the requests of a period."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    version: Annotated[int | None, Field(ge=1)] = None
    rules: Annotated[list[dict[str, Any]] | None, Field(max_length=200)] = None
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment


class DifferenceShape(Shape):
    ref: str
    was: str
    would_be: str | None


class SimulationShape(Shape):
    """How the rules would have routed requests that were asked for in the period."""

    policy: str
    requests: int
    same: int
    more_approvals: int
    fewer_approvals: int
    other_teams: int
    uncovered: Annotated[int, Field(description="No rule speaks of these: they would be refused.")]
    nobody: Annotated[int, Field(description="These could be approved by nobody as things stand.")]
    differences: Annotated[list[DifferenceShape], Field(description="The first 100.")]
    is_cut: Annotated[bool, Field(description="The period held more requests than are read.")]


class FieldError(Shape):
    pointer: Annotated[str, Field(description="A JSON Pointer (RFC 6901) into the body.")]
    detail: str


class ProblemShape(BaseModel):
    """RFC 9457. Further members depend on the type; each type has a page at its address."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = None

"""What is recorded of requests, systems, covers, policies and people's own views."""

from approvals.events import SENTENCES, Action, SystemAction
from audit.vocabulary import Word

_ALWAYS = ("state", "revision")
_OF_A_DECISION = ("step", "for", "glass")
_OF_A_CALL = ("system", "attempt", "max_attempts", "cause")
_FACTS: dict[Action, tuple[str, ...]] = {
    Action.SUBMIT: ("title", "rule", "lacks"),
    Action.RESUBMIT: ("title", "rule", "lacks"),
    Action.APPROVE: _OF_A_DECISION,
    Action.REJECT: _OF_A_DECISION,
    Action.SEND_BACK: _OF_A_DECISION,
    Action.TAKE_BACK: _OF_A_DECISION,
    Action.START: ("attempt", "max_attempts"),
    Action.SUCCEED: (*_OF_A_CALL, "reference"),
    Action.POSTPONE: _OF_A_CALL,
    Action.LOSE_TRACK: _OF_A_CALL,
    Action.GIVE_UP: _OF_A_CALL,
    Action.REPORT_LATE_FAILURE: _OF_A_CALL,
    Action.HEAR: (*_OF_A_CALL, "answer"),
    Action.ASK_PROVIDER: ("system",),
    Action.TRY_AGAIN: ("attempt", "max_attempts"),
    Action.PROPOSE_SETTLEMENT: ("happened", "reference"),
    Action.SETTLE: ("system", "happened", "outcome", "reference"),
    Action.ASSIGN: ("to", "owner"),
    Action.REMIND: ("to",),
    Action.BREAK_GLASS: ("minutes",),
    Action.MOVE_POLICY: ("from", "to", "rule"),
    Action.ESCALATE: ("step", "do", "to", "to_id", "what"),
    Action.NOTE: ("mentions",),
    Action.FORGET: ("erasure",),
    Action.COPY_REPLY: ("reply", "reply_version", "language", "language_name"),
}
_COVER = ("cover", "person", "deputy", "deputy_id", "queues", "starts_at", "ends_at")
_LATE = "A call came back after its turn was over: {seen}"

WORDS = [
    *(
        Word(action.value, SENTENCES[action], "request", (*_ALWAYS, *_FACTS.get(action, ())))
        for action in Action
    ),
    Word("attempt.too_late", _LATE, "request", ("epoch", "seen", "reference"), refused=_LATE),
    Word(
        "provider.event",
        "The provider told of {type}: {consequence}",
        "request",
        ("event", "type", "state", "consequence"),
        refused="The provider told of {type}, which nobody expected",
    ),
    Word(SystemAction.HOLD.value, "Held: nothing is sent to it", "system", ("failures",)),
    Word(SystemAction.RESUME.value, "Resumed", "system", ("failures",)),
    Word(SystemAction.PAUSE.value, "Paused after {failures} failures", "system", ("failures",)),
    Word(SystemAction.UNPAUSE.value, "Answers again, so it goes on", "system", ("failures",)),
    Word("cover.set", "{deputy} decides in the place of {person}", "person", _COVER),
    Word("cover.end", "{deputy} no longer decides in the place of {person}", "person", _COVER),
    Word(
        "rates.load",
        "Exchange rates were loaded: {rates}, of which {new} were new",
        "rates",
        ("rates", "new", "sha256"),
    ),
    Word("policy.load", "Made live with {rules} rules", "policy", ("rules",)),
    Word(
        "erasure.ask", "Asked to forget a customer: {requests} requests", "erasure", ("requests",)
    ),
    Word(
        "record.archive",
        "Archived: {rows} rows of {part}, now in a file",
        "archive",
        ("table", "part", "rows", "root", "sha256", "with_private"),
    ),
    Word("erasure.confirm", "Confirmed that the customer is forgotten", "erasure", ()),
    Word(
        "quarantine.begin",
        "Quarantine: nothing is sent, {requests} requests may have been sent before the restore",
        "quarantine",
        ("requests",),
    ),
    Word(
        "quarantine.reconcile",
        "The providers are asked about {requests} requests, and {sessions} sessions are over",
        "quarantine",
        ("requests", "sessions"),
    ),
    Word("quarantine.ask", "Asked to release: somebody else confirms it", "quarantine", ()),
    Word("quarantine.release", "Released: what is approved is sent again", "quarantine", ()),
    Word("request.reveal", "Shown in full: {fields}", "request", ("fields",)),
    Word(
        "request.receipt",
        "Receipt taken along, {personal_data} what may be personal",
        "request",
        ("personal_data",),
    ),
    Word("queue.export", "List exported as {format}", "queue", ("query", "format")),
    Word("person.save_view", "View “{name}” saved", "view", ("name", "query")),
    Word("person.delete_view", "View “{name}” deleted", "view", ("name", "query")),
    Word(
        "person.watch_cause", "Wants to hear of a cause above {above} requests", "cause", ("above",)
    ),
]

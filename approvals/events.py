"""The closed vocabulary of what can happen to a request: one word for each verb and transition.

`{actor}` and the names of recorded facts may stand in a sentence. The tests prove that every
transition and every verb is here.
"""

from enum import StrEnum


class Action(StrEnum):
    SUBMIT = "request.submit"
    APPROVE = "request.approve"
    REJECT = "request.reject"
    SEND_BACK = "request.send_back"
    RESUBMIT = "request.resubmit"
    WITHDRAW = "request.withdraw"
    TAKE_BACK = "request.take_back"
    EXPIRE = "request.expire"
    START = "request.start"
    SUCCEED = "request.succeed"
    POSTPONE = "request.postpone"
    LOSE_TRACK = "request.lose_track"
    GIVE_UP = "request.give_up"
    HOLD = "request.hold"
    RESUME = "request.resume"
    TRY_AGAIN = "request.try_again"
    ASK_PROVIDER = "request.ask_provider"
    HEAR = "request.hear"
    STRAND = "request.strand"
    UNSTRAND = "request.unstrand"
    PROPOSE_SETTLEMENT = "request.settle"
    SETTLE = "request.confirm_settlement"
    REPORT_LATE_FAILURE = "request.report_late_failure"
    CLAIM = "request.claim"
    RELEASE = "request.release"
    ASSIGN = "request.assign"
    REMIND = "request.remind"
    ESCALATE = "request.escalate"
    BREAK_GLASS = "request.break_glass"
    CLOSE_GLASS = "request.close_glass"
    SECOND_LOOK = "request.second_look"
    MOVE_POLICY = "request.move_policy"
    NOTE = "request.note"
    FORGET = "request.forget"
    COPY_REPLY = "request.copy_reply"


SENTENCES: dict[Action, str] = {
    Action.SUBMIT: "Sent for approval",
    Action.APPROVE: "Approved, revision {revision}",
    Action.REJECT: "Rejected",
    Action.SEND_BACK: "Sent back with a question",
    Action.RESUBMIT: "Changed and sent again, revision {revision}",
    Action.WITHDRAW: "Withdrawn",
    Action.TAKE_BACK: "Approval taken back",
    Action.EXPIRE: "Expired: nobody decided in time",
    Action.START: "Try {attempt} of {max_attempts} started",
    Action.SUCCEED: "Done: {system} confirmed, reference {reference}",
    Action.POSTPONE: "Not done, will be tried again: {cause}",
    Action.LOSE_TRACK: "Outcome unknown: {cause}",
    Action.GIVE_UP: "Stopped, needs a person: {cause}",
    Action.HOLD: "Held: no more tries until it is resumed",
    Action.RESUME: "Resumed",
    Action.TRY_AGAIN: "Will be tried again now",
    Action.ASK_PROVIDER: "{system} is asked now, which changes nothing",
    Action.HEAR: "{system} was asked: {answer}",
    Action.STRAND: "Nobody can decide it any more",
    Action.UNSTRAND: "Somebody can decide it again",
    Action.PROPOSE_SETTLEMENT: "Finding recorded, a second person must confirm it",
    Action.SETTLE: "Settled as {outcome} with evidence",
    Action.REPORT_LATE_FAILURE: "{system} reports after it was done: {cause}",
    Action.CLAIM: "Claimed",
    Action.RELEASE: "Released",
    Action.ASSIGN: "Given to {to}",
    Action.REMIND: "Reminder sent to {to}",
    Action.ESCALATE: "{what}",
    Action.BREAK_GLASS: "Glass broken for {minutes} minutes, to decide in an emergency",
    Action.CLOSE_GLASS: "The time after the glass was broken is over",
    Action.MOVE_POLICY: "Moved to version {to} of its policy, rule {rule}",
    Action.SECOND_LOOK: "Looked at after the glass was broken",
    Action.NOTE: "Note",
    Action.FORGET: "What it held of the customer was forgotten",
    Action.COPY_REPLY: "Copied reply v{reply_version} ({language_name}) for the customer",
}

TONES: dict[Action, str] = {
    Action.APPROVE: "done",
    Action.REJECT: "failed",
    Action.SEND_BACK: "waiting",
    Action.START: "running",
    Action.SUCCEED: "done",
    Action.POSTPONE: "retrying",
    Action.LOSE_TRACK: "unknown",
    Action.GIVE_UP: "failed",
    Action.HOLD: "waiting",
    Action.STRAND: "failed",
    Action.BREAK_GLASS: "failed",
    Action.REPORT_LATE_FAILURE: "failed",
}


class SystemAction(StrEnum):
    """What can happen to an outside system's switch."""

    HOLD = "system.hold"
    RESUME = "system.resume"
    PAUSE = "system.pause"
    UNPAUSE = "system.unpause"


class _Facts(dict):
    def __missing__(self, key: str) -> str:
        return "not known"


def sentence(action: str, facts: dict) -> str:
    """What the timeline says; an action from elsewhere is shown by its own name."""
    try:
        return SENTENCES[Action(action)].format_map(_Facts(facts))
    except ValueError:
        return action

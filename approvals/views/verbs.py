"""The verbs that a person can do with a request: what their pages say, and their commands."""

from dataclasses import dataclass

from approvals import kinds
from approvals.commands import decide, glass, operate, settle, submit
from approvals.commands.frame import Command
from approvals.models import OPEN, ApprovalRequest, State


@dataclass(frozen=True)
class Words:
    """`{ref}` may stand in each text. `at_once`: safe and reversible, so without a second page."""

    command: Command
    button: str
    states: frozenset[str]
    question: str = ""
    effect: str = ""
    not_effect: str = ""
    label: str = "Comment"
    help_text: str = ""
    needs: str = ""
    submit_label: str = ""
    at_once: bool = False
    has_text: bool = True
    is_danger: bool = False
    sees_step: bool = False
    sees_revision: bool = False
    sees_finding: bool = False


def _in(*states: State) -> frozenset[str]:
    return frozenset(states)


VERBS: dict[str, Words] = {
    "approve": Words(
        command=decide.approve,
        button="Approve",
        states=_in(State.PENDING),
        question="Approve {ref}?",
        effect="Your approval counts for exactly this revision. The last one makes it start.",
        not_effect="It does not count if the content changes.",
        submit_label="Approve {ref}",
        sees_step=True,
        sees_revision=True,
    ),
    "reject": Words(
        command=decide.reject,
        button="Reject…",
        states=_in(State.PENDING),
        question="Reject {ref}?",
        effect="It ends here, and the requester reads your reason.",
        not_effect="Nothing is sent and no money moves.",
        label="Reason",
        help_text="The requester and support read it.",
        needs="Say why you reject it. The requester reads it.",
        submit_label="Reject {ref}",
        is_danger=True,
        sees_step=True,
        sees_revision=True,
    ),
    "send_back": Words(
        command=decide.send_back,
        button="Send back…",
        states=_in(State.PENDING),
        question="Send {ref} back with a question?",
        effect="It waits for the requester, who can change it and send it again.",
        not_effect="Nothing is rejected. Approvals given so far stop counting when it changes.",
        label="Question",
        help_text="The requester reads it.",
        needs="Write your question. The requester reads it.",
        submit_label="Send {ref} back",
        sees_step=True,
        sees_revision=True,
    ),
    "take_back": Words(
        command=decide.take_back,
        button="Take back my approval",
        states=_in(State.APPROVED),
        question="Take back your approval of {ref}?",
        effect="It waits for an approval again.",
        not_effect="Nothing was sent.",
        submit_label="Take back my approval",
        at_once=True,
        has_text=False,
    ),
    "withdraw": Words(
        command=submit.withdraw,
        button="Withdraw…",
        states=_in(State.PENDING, State.SENT_BACK, State.APPROVED, State.NEEDS_PERSON),
        question="Withdraw {ref}?",
        effect="It ends here. You can ask for the same again later.",
        not_effect="Nothing is sent and no money moves.",
        label="Reason",
        needs="Say why it is no longer wanted.",
        submit_label="Withdraw {ref}",
        is_danger=True,
    ),
    "break_glass": Words(
        command=glass.break_glass,
        button="Break the glass…",
        states=_in(State.PENDING),
        question="Break the glass for {ref}?",
        effect="For the time you choose you can decide it without a seat in the team. Its lead and "
        "the auditors are told at once.",
        not_effect="It approves nothing by itself, and somebody else must look at it afterwards.",
        label="What is the emergency?",
        help_text="Auditors read it.",
        needs="Say what the emergency is. Auditors read it.",
        submit_label="Break the glass",
        is_danger=True,
    ),
    "second_look": Words(
        command=glass.second_look,
        button="Second look…",
        states=frozenset(state for state in State if state != State.NEW),
        question="What do you think of how {ref} was decided?",
        effect="Your finding is recorded, and the second look is done.",
        not_effect="It changes nothing about the request.",
        label="What you looked at and what you found",
        needs="Write what you looked at and what you found.",
        submit_label="Record the second look",
    ),
    "claim": Words(
        command=operate.claim,
        button="Claim",
        states=frozenset(OPEN),
        question="Claim {ref}?",
        effect="You become its owner, so that others look at something else.",
        not_effect="It changes nothing about approvals or tries.",
        submit_label="Claim {ref}",
        at_once=True,
        has_text=False,
    ),
    "release": Words(
        command=operate.release,
        button="Release",
        states=frozenset(OPEN),
        question="Release {ref}?",
        effect="It belongs to nobody, so that others can take it.",
        not_effect="It changes nothing about approvals or tries.",
        submit_label="Release {ref}",
        at_once=True,
        has_text=False,
    ),
    "assign": Words(
        command=operate.assign,
        button="Assign…",
        states=frozenset(OPEN),
        question="Give {ref} to whom?",
        effect="They become its owner, and are told.",
        not_effect="It changes nothing about approvals or tries.",
        submit_label="Assign {ref}",
        has_text=False,
    ),
    "remind": Words(
        command=operate.remind,
        button="Send a reminder",
        states=_in(State.PENDING, State.SENT_BACK),
        question="Send a reminder of {ref}?",
        effect="Whoever it waits for is told once more.",
        not_effect="It changes neither the due time nor who may decide.",
        submit_label="Send a reminder",
        at_once=True,
        has_text=False,
    ),
    "hold": Words(
        command=operate.hold,
        button="Hold…",
        states=frozenset(operate.HOLDABLE),
        question="Hold {ref}?",
        effect="Nothing more is sent for {ref} until somebody resumes it. Tries do not count down.",
        not_effect="It does not undo a try that was made. A call under way now goes on.",
        label="Reason",
        help_text="Whoever looks next reads it.",
        needs="Say why you hold it. Whoever looks next reads it.",
        submit_label="Hold {ref}",
    ),
    "resume": Words(
        command=operate.resume,
        button="Resume",
        states=frozenset(OPEN),
        question="Resume {ref}?",
        effect="It goes on by itself, with the tries that it had left.",
        not_effect="It does not change what was approved.",
        submit_label="Resume {ref}",
        at_once=True,
        has_text=False,
    ),
    "try_again": Words(
        command=operate.try_again,
        button="Try again now…",
        states=_in(State.RETRYING, State.NEEDS_PERSON),
        question="Try {ref} again now?",
        effect="Its next try is made now, or as soon as its system takes calls again.",
        not_effect="It cannot happen twice: the request key stays the same, and where an earlier "
        "try may have arrived the provider is asked first.",
        submit_label="Try {ref} again",
        has_text=False,
    ),
    "ask_provider": Words(
        command=operate.ask_provider,
        button="Ask the provider now",
        states=_in(State.IN_DOUBT, State.NEEDS_PERSON),
        question="Ask the provider about {ref} now?",
        effect="The provider is asked whether it happened. The answer shows in the calls below.",
        not_effect="It only reads. Nothing is sent again.",
        submit_label="Ask the provider",
        at_once=True,
        has_text=False,
    ),
    "settle": Words(
        command=settle.settle,
        button="Settle with evidence…",
        states=_in(State.IN_DOUBT, State.NEEDS_PERSON),
        question="What did you find out about {ref}?",
        effect="Your finding is recorded. It counts once a second person has confirmed it.",
        not_effect="Nothing is sent to the provider.",
        label="Evidence",
        help_text="What you saw, where and when: a number, a page, a statement.",
        needs="Write what you saw and where.",
        submit_label="Record my finding",
        sees_revision=True,
    ),
    "confirm_settlement": Words(
        command=settle.confirm_settlement,
        button="Confirm what was found…",
        states=_in(State.IN_DOUBT, State.NEEDS_PERSON),
        question="Confirm what was found about {ref}?",
        effect="It is settled as it was found.",
        not_effect="Nothing is sent to the provider.",
        label="What you checked yourself",
        submit_label="Confirm",
        sees_revision=True,
        sees_finding=True,
    ),
    "note": Words(
        command=operate.note,
        button="Add a note",
        states=frozenset(state for state in State if state != State.NEW),
        question="Add a note to {ref}?",
        effect="Everybody who sees {ref} can read it.",
        not_effect="It does not touch what is approved.",
        label="Note",
        needs="Write the note.",
        submit_label="Add note",
    ),
}

ACTIONS_IN_ORDER = (
    "second_look",
    "take_back",
    "confirm_settlement",
    "ask_provider",
    "resume",
    "try_again",
    "hold",
    "settle",
    "resubmit",
    "remind",
    "claim",
    "release",
    "assign",
    "withdraw",
    "break_glass",
)


def offers(verb: str, item: ApprovalRequest) -> bool:
    """Whether the verb has a meaning for the request as it stands, whoever asks."""
    if verb == "confirm_settlement":
        return item.state in VERBS[verb].states and item.open_settlement is not None
    if item.state not in VERBS[verb].states:
        return False
    if verb == "break_glass":
        return item.glass_by_id is None
    if verb == "second_look":
        return item.look_due
    if verb in ("hold", "resume"):
        return (item.held_at is None) == (verb == "hold")
    if verb == "try_again":
        return item.held_at is None and operate.can_be_tried(item, item.effect)
    if verb == "ask_provider":
        return kinds.kind_of(item.kind).is_outside and item.effect.first_sent_at is not None
    if verb == "withdraw" and item.state == State.NEEDS_PERSON:
        return item.effect.is_proven_absent
    return True


VERBS["resubmit"] = Words(
    command=submit.resubmit,
    button="Change and send again…",
    states=_in(State.SENT_BACK, State.PENDING),
    sees_revision=True,
)

"""Why something was not done: one catalogue. Each cause says whether anything can have moved.

Kinds map what a provider answers to a code of this catalogue; an answer that fits nowhere is
`unrecognised`. Kinds of other packages bring causes of their own (`bring`). `moved` is
said to people as it stands, so it must be true whenever the cause is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "Nothing has changed."
PERHAPS = "It may have been done."


@dataclass(frozen=True)
class Advice:
    """What is safe now and what is not, the same for all causes that share a runbook."""

    runbook: str
    safe: Sequence[str]
    unsafe: Sequence[str]


@dataclass(frozen=True)
class Cause:
    """`plain` completes the sentence “{System}: …”; `next_step` is the first thing to do.

    `retries`: it is tried again by itself. `blames_system`: it speaks of the whole system, so that
    several in a row pause it. `can_try_again`: an operator may have it tried again once nothing of
    it stands at the provider. `proves_nothing_moved`: a refusal for this cause proves that this try
    did nothing. `is_alarm`: it should never be, so it is logged as an error for an engineer.
    """

    code: str
    plain: str
    meaning: str
    moved: str
    next_step: str
    advice: Advice
    retries: bool = False
    blames_system: bool = False
    can_try_again: bool = True
    proves_nothing_moved: bool = True
    is_alarm: bool = False

    @property
    def runbook(self) -> str:
        return self.advice.runbook

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether the first thing to do is to wait; not any more once it needs a person."""
        return self.next_step in (WAIT, IS_ASKED)


LIMITS = Advice(
    "provider-limits",
    ["Wait: every try has a time, and the same key.", "Hold the tries while you ask the provider."],
    ["Asking for the same again as a new request."],
)
UNREACHABLE = Advice(
    "provider-unreachable",
    [
        "Wait: it is tried again by itself.",
        "Hold the whole system while it is down, so that no tries are used up.",
    ],
    ["Asking for the same again as a new request, or doing it by hand at the provider."],
)
CREDENTIALS = Advice(
    "provider-credentials",
    ["Hold the system until an administrator has renewed the key.", "Try again afterwards."],
    ["Sending keys or secrets in notes, tickets or e-mail."],
)
DOUBT = Advice(
    "outcome-unknown",
    [
        "Wait: the provider is asked by itself.",
        "Ask the provider now. That only reads.",
        "Settle it with evidence, confirmed by a second person.",
    ],
    ["Asking for the same again as a new request, or doing it by hand at the provider."],
)
FOR_GOOD = Advice(
    "refused-for-good",
    ["Withdraw it with the reason.", "Ask for it again with what the requester corrects."],
    ["Trying the same content again and again: the answer stays the same."],
)
FAILED_LATER = Advice(
    "failed-later",
    ["Tell the requester, and agree on another way with the customer.", "Withdraw it."],
    ["Telling the customer that the money has arrived."],
)
OUR_WORKER = Advice(
    "worker-not-running",
    ["Wait: it goes on as soon as a worker runs.", "Look whether the workers run."],
    ["Asking for the same again as a new request."],
)
KEYS = Advice(
    "request-keys",
    [
        "Compare with the provider's own pages.",
        "Ask the provider now. That only reads.",
        "Settle it with evidence, confirmed by a second person.",
    ],
    ["Asking for the same again before the provider's pages were compared."],
)
TWICE = Advice(
    "carried-out-twice",
    [
        "Page an engineer, and hold the system.",
        "Take back at the provider what is too much, then settle it with evidence.",
    ],
    ["Withdrawing it, or asking for anything again for this customer."],
)
PROOF = Advice(
    "approval-not-proven",
    ["Withdraw it and ask for it again.", "Let an administrator look at the approver's rights."],
    ["Giving somebody a right back only to get this one through."],
)
CONTENT = Advice(
    "content-changed",
    ["Leave it as it stands, and keep a note of what you saw."],
    ["Changing, withdrawing or trying it again before an engineer has looked at it."],
)
BY_HAND = Advice(
    "by-hand",
    ["Claim it, follow the instructions, and settle it with evidence."],
    ["Doing it without claiming it first: two people might do it."],
)
SETTLED = Advice(
    "settled-as-not-done",
    ["Try again: the provider is asked first.", "Withdraw it."],
    ["Telling the customer that it was done."],
)
UNRECOGNISED = Advice(
    "unrecognised",
    ["Read the evidence in the last attempt.", "Wait: the provider is asked by itself."],
    ["Asking for the same again as a new request."],
)

WAIT = "Wait: it is tried again by itself."
IS_ASKED = "Wait: the provider is asked by itself. Do not create another request."

_CATALOGUE = [
    Cause(
        "too-many-requests",
        "too many requests",
        "The provider refuses calls for a while because it got too many.",
        NOTHING,
        WAIT,
        LIMITS,
        retries=True,
    ),
    Cause(
        "provider-busy",
        "still busy with this request",
        "An earlier call with the same key is still running at the provider.",
        "An earlier try may still be running there.",
        WAIT,
        LIMITS,
        retries=True,
        proves_nothing_moved=False,
    ),
    Cause(
        "not-reached",
        "could not be reached",
        "No connection to the provider was made, so nothing was sent.",
        NOTHING,
        WAIT,
        UNREACHABLE,
        retries=True,
        blames_system=True,
    ),
    Cause(
        "not-sent-in-time",
        "our worker was held up before sending",
        "The program that carries it out was stopped too long before the call, so it sent nothing.",
        NOTHING,
        WAIT,
        OUR_WORKER,
        retries=True,
    ),
    Cause(
        "no-trace",
        "no trace of the last try",
        "The last try got no answer, and the provider was asked afterwards: it has no trace of it.",
        NOTHING,
        WAIT,
        UNREACHABLE,
        retries=True,
    ),
    Cause(
        "credentials-refused",
        "our credentials were refused",
        "The provider does not accept our key or secret. Nothing is carried out until it does.",
        NOTHING,
        "Ask an administrator to check the provider's key.",
        CREDENTIALS,
        retries=True,
        blames_system=True,
    ),
    Cause(
        "not-configured",
        "not set up",
        "This installation has no address or key for the provider.",
        NOTHING,
        "Ask an administrator to set up the provider.",
        CREDENTIALS,
        retries=True,
        blames_system=True,
    ),
    Cause(
        "no-answer",
        "no answer in time",
        "It was sent, and no answer came within the time limit.",
        PERHAPS,
        IS_ASKED,
        DOUBT,
        blames_system=True,
    ),
    Cause(
        "connection-lost",
        "connection dropped after we sent it",
        "It was sent, and the connection ended before an answer came.",
        PERHAPS,
        IS_ASKED,
        DOUBT,
        blames_system=True,
    ),
    Cause(
        "provider-error",
        "an error on the provider's side",
        "The provider answered with an error of its own, before or after doing it.",
        PERHAPS,
        IS_ASKED,
        DOUBT,
        blames_system=True,
    ),
    Cause(
        "worker-died",
        "our worker stopped while sending",
        "The program that sent it stopped before it could record the answer.",
        PERHAPS,
        IS_ASKED,
        DOUBT,
    ),
    Cause(
        "provider-pending",
        "accepted, not finished",
        "The provider has accepted it and has not finished it yet.",
        "It is accepted and not finished.",
        IS_ASKED,
        DOUBT,
    ),
    Cause(
        "provider-needs-action",
        "waits for something from the customer",
        "The provider has accepted it and needs something from the customer to go on, such as an"
        " account to pay to.",
        "It is accepted and not finished.",
        "Ask the customer to do what the provider wrote to them; the provider is asked by itself.",
        DOUBT,
    ),
    Cause(
        "answer-of-another",
        "an answer about something else",
        "The provider confirmed another amount, currency, payment or request than the one we asked"
        " for. That is no yes and no no.",
        PERHAPS,
        "Compare the last attempt with the provider's own pages. Do not create another request.",
        KEYS,
        proves_nothing_moved=False,
    ),
    Cause(
        "found-twice",
        "carried out more than once",
        "The provider shows more than one success for this one request. The attempt names each.",
        "It was done more than once.",
        "Take back what is too much at the provider, then settle it with evidence.",
        TWICE,
        can_try_again=False,
        proves_nothing_moved=False,
        is_alarm=True,
    ),
    Cause(
        "unreadable-answer",
        "an answer we do not understand",
        "The provider answered in a form that cannot be trusted as a yes or a no.",
        PERHAPS,
        IS_ASKED,
        DOUBT,
        blames_system=True,
    ),
    Cause(
        "account-number-rejected",
        "the account number was rejected",
        "The bank does not know this account number. It will never succeed as it is.",
        NOTHING,
        "Withdraw it and ask for it again with the right account number.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "payment-not-found",
        "the payment does not exist",
        "The provider knows no payment with this number.",
        NOTHING,
        "Withdraw it and ask for it again with the right payment.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "already-refunded",
        "the payment has been refunded already",
        "Nothing is left of this payment that could be refunded.",
        NOTHING,
        "Tell the requester; withdraw it.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "amount-above-payment",
        "the amount is more than what is left of the payment",
        "Other refunds of this payment leave less than was asked for.",
        NOTHING,
        "Withdraw it and ask for it again with a smaller amount.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "payment-disputed",
        "the payment has been charged back",
        "The customer's bank has taken the money back, so it cannot be refunded.",
        NOTHING,
        "Tell the requester; withdraw it.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "card-declined",
        "the refund was declined",
        "The provider refused to refund to this card or account.",
        NOTHING,
        "Withdraw it and agree on another way with the customer.",
        FOR_GOOD,
        can_try_again=False,
    ),
    Cause(
        "refused-by-provider",
        "refused for good",
        "The provider refused it and will refuse it again as it is.",
        NOTHING,
        "Read the provider's message in the last attempt, then withdraw it or ask again.",
        FOR_GOOD,
    ),
    Cause(
        "failed-at-provider",
        "accepted first and failed later",
        "The provider had accepted it and then failed it. The customer does not have it.",
        "The provider took it back.",
        "Tell the requester; agree on another way with the customer.",
        FAILED_LATER,
        can_try_again=False,
    ),
    Cause(
        "key-mismatch",
        "the request key was used for something else",
        "The provider has something else under the same key. This is our mistake.",
        "Something was done under its key; what, is not known.",
        "Do not try again. Page an engineer.",
        KEYS,
        can_try_again=False,
        proves_nothing_moved=False,
        is_alarm=True,
    ),
    Cause(
        "key-window-passed",
        "too old to send again safely",
        "The provider keeps request keys for a day. After that a repeat could happen twice.",
        "The provider has no trace of it.",
        "Check the provider's own pages, then try again or settle it with evidence.",
        KEYS,
    ),
    Cause(
        "approval-not-proven",
        "its approval no longer counts",
        "Somebody who approved it has lost the right to, so it was not sent.",
        NOTHING,
        "Withdraw it and ask for it again.",
        PROOF,
    ),
    Cause(
        "steps-not-of-policy",
        "its approvals are not those of its policy",
        "The steps in the database differ from what its policy asks for, so it was not sent.",
        NOTHING,
        "Do not change anything. Page an engineer.",
        CONTENT,
        can_try_again=False,
        is_alarm=True,
    ),
    Cause(
        "content-not-approved",
        "its content is not what was approved",
        "What stands in the database differs from what people approved, so it was not sent.",
        NOTHING,
        "Do not change anything. Page an engineer.",
        CONTENT,
        can_try_again=False,
        is_alarm=True,
    ),
    Cause(
        "by-hand",
        "a person has to do it",
        "There is no outside system for it: somebody follows the instructions.",
        "Nothing is recorded as done.",
        "Follow the instructions, then settle it with evidence.",
        BY_HAND,
        can_try_again=False,
    ),
    Cause(
        "settled-as-not-done",
        "two people found that it did not happen",
        "It was checked with evidence: the effect did not take place.",
        NOTHING,
        "Try it again, or withdraw it.",
        SETTLED,
    ),
    Cause(
        "unrecognised",
        "something we have no word for",
        "The failure fits no known cause. What the provider said stands in the attempt.",
        PERHAPS,
        "Read the evidence in the last attempt. Page an engineer if money is at risk.",
        UNRECOGNISED,
        proves_nothing_moved=False,
    ),
]

CAUSES: dict[str, Cause] = {cause.code: cause for cause in _CATALOGUE}
BUILT_IN = frozenset(CAUSES)
# Accepted by the provider and not finished: news, but not a doubt about whether it arrived.
ACCEPTED = ("provider-pending", "provider-needs-action")
# What a question can bring to light, so that the request is told of it while it stays in doubt.
NEWS = (*ACCEPTED, "answer-of-another")


def cause(code: str) -> Cause:
    """The cause with this code; an unknown code is `unrecognised`, never an error."""
    return CAUSES.get(code, CAUSES["unrecognised"])


def bring(brought: Sequence[Cause]) -> None:
    """Add what a kind brings, once, at start. A code that is taken keeps its meaning."""
    for one in brought:
        CAUSES.setdefault(one.code, one)

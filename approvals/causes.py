"""Why something was not done: one catalogue. Each cause says whether anything can have moved.

Kinds map what a provider answers to a code of this catalogue; an answer that fits nowhere is
`unrecognised`. `moved` is said to people as it stands, so it must be true whenever the cause is.
"""

from dataclasses import dataclass

NOTHING = "Nothing has changed."
PERHAPS = "It may have been done."


@dataclass(frozen=True)
class Cause:
    """`plain` completes the sentence “{System}: …”; `next_step` is the first thing to do."""

    code: str
    plain: str
    meaning: str
    moved: str
    next_step: str


_CATALOGUE = [
    Cause(
        "too-many-requests",
        "too many requests",
        "The provider refuses calls for a while because it got too many.",
        NOTHING,
        "Wait: it is tried again by itself.",
    ),
    Cause(
        "provider-busy",
        "still busy with this request",
        "An earlier call with the same key is still running at the provider.",
        NOTHING,
        "Wait: it is tried again by itself.",
    ),
    Cause(
        "not-reached",
        "could not be reached",
        "No connection to the provider was made, so nothing was sent.",
        NOTHING,
        "Wait: it is tried again by itself.",
    ),
    Cause(
        "credentials-refused",
        "our credentials were refused",
        "The provider does not accept our key or secret. Nothing is carried out until it does.",
        NOTHING,
        "Ask an administrator to check the provider's key.",
    ),
    Cause(
        "not-configured",
        "not set up",
        "This installation has no address or key for the provider.",
        NOTHING,
        "Ask an administrator to set up the provider.",
    ),
    Cause(
        "no-answer",
        "no answer in time",
        "It was sent, and no answer came within the time limit.",
        PERHAPS,
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "connection-lost",
        "connection dropped after we sent it",
        "It was sent, and the connection ended before an answer came.",
        PERHAPS,
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "provider-error",
        "an error on the provider's side",
        "The provider answered with an error of its own, before or after doing it.",
        PERHAPS,
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "worker-died",
        "our worker stopped while sending",
        "The program that sent it stopped before it could record the answer.",
        PERHAPS,
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "provider-pending",
        "accepted, not finished",
        "The provider has accepted it and has not finished it yet.",
        "It is accepted and not finished.",
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "provider-needs-action",
        "waits for something from the customer",
        "The provider has accepted it and needs something from the customer to go on, such as an"
        " account to pay to.",
        "It is accepted and not finished.",
        "Ask the customer to do what the provider wrote to them; the provider is asked by itself.",
    ),
    Cause(
        "answer-of-another",
        "an answer about something else",
        "The provider confirmed another amount, currency, payment or request than the one we asked"
        " for. That is no yes and no no.",
        PERHAPS,
        "Compare the last attempt with the provider's own pages. Do not create another request.",
    ),
    Cause(
        "found-twice",
        "carried out more than once",
        "The provider shows more than one success for this one request. The attempt names each.",
        "It was done more than once.",
        "Take back what is too much at the provider, then settle it with evidence.",
    ),
    Cause(
        "unreadable-answer",
        "an answer we do not understand",
        "The provider answered in a form that cannot be trusted as a yes or a no.",
        PERHAPS,
        "Wait: the provider is asked by itself. Do not create another request.",
    ),
    Cause(
        "account-number-rejected",
        "the account number was rejected",
        "The bank does not know this account number. It will never succeed as it is.",
        NOTHING,
        "Withdraw it and ask for it again with the right account number.",
    ),
    Cause(
        "payment-not-found",
        "the payment does not exist",
        "The provider knows no payment with this number.",
        NOTHING,
        "Withdraw it and ask for it again with the right payment.",
    ),
    Cause(
        "already-refunded",
        "the payment has been refunded already",
        "Nothing is left of this payment that could be refunded.",
        NOTHING,
        "Tell the requester; withdraw it.",
    ),
    Cause(
        "amount-above-payment",
        "the amount is more than what is left of the payment",
        "Other refunds of this payment leave less than was asked for.",
        NOTHING,
        "Withdraw it and ask for it again with a smaller amount.",
    ),
    Cause(
        "payment-disputed",
        "the payment has been charged back",
        "The customer's bank has taken the money back, so it cannot be refunded.",
        NOTHING,
        "Tell the requester; withdraw it.",
    ),
    Cause(
        "card-declined",
        "the refund was declined",
        "The provider refused to refund to this card or account.",
        NOTHING,
        "Withdraw it and agree on another way with the customer.",
    ),
    Cause(
        "refused-by-provider",
        "refused for good",
        "The provider refused it and will refuse it again as it is.",
        NOTHING,
        "Read the provider's message in the last attempt, then withdraw it or ask again.",
    ),
    Cause(
        "failed-at-provider",
        "accepted first and failed later",
        "The provider had accepted it and then failed it. The customer does not have it.",
        "The provider took it back.",
        "Tell the requester; agree on another way with the customer.",
    ),
    Cause(
        "key-mismatch",
        "the request key was used for something else",
        "The provider has another request under the same key. This is our mistake.",
        "This request has changed nothing.",
        "Do not try again. Page an engineer.",
    ),
    Cause(
        "key-window-passed",
        "too old to send again safely",
        "The provider keeps request keys for a day. After that a repeat could happen twice.",
        "The provider has no trace of it.",
        "Check the provider's own pages, then settle it with evidence.",
    ),
    Cause(
        "approval-not-proven",
        "its approval no longer counts",
        "Somebody who approved it has lost the right to, so it was not sent.",
        NOTHING,
        "Withdraw it and ask for it again.",
    ),
    Cause(
        "content-not-approved",
        "its content is not what was approved",
        "What stands in the database differs from what people approved, so it was not sent.",
        NOTHING,
        "Do not change anything. Page an engineer.",
    ),
    Cause(
        "by-hand",
        "a person has to do it",
        "There is no outside system for it: somebody follows the instructions.",
        "Nothing is recorded as done.",
        "Follow the instructions, then settle it with evidence.",
    ),
    Cause(
        "settled-as-not-done",
        "two people found that it did not happen",
        "It was checked with evidence: the effect did not take place.",
        NOTHING,
        "Withdraw it, or ask for it again.",
    ),
    Cause(
        "unrecognised",
        "something we have no word for",
        "The failure fits no known cause. What the provider said stands in the attempt.",
        PERHAPS,
        "Read the evidence in the last attempt. Page an engineer if money is at risk.",
    ),
]

CAUSES: dict[str, Cause] = {cause.code: cause for cause in _CATALOGUE}


def cause(code: str) -> Cause:
    """The cause with this code; an unknown code is `unrecognised`, never an error."""
    return CAUSES.get(code, CAUSES["unrecognised"])

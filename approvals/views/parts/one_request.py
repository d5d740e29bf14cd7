"""The parts of a request’s own page."""

from datetime import datetime, timedelta

from approvals.explain import Waiting
from approvals.views.parts.example import (
    ARABIC,
    EMOJI,
    HEBREW,
    LONG,
    UNBROKEN,
    Example,
    Part,
    as_person,
    component,
    of,
)
from approvals.views.parts.lists import NOWHERE


def parts(now: datetime) -> list[Part]:
    return [
        _why(now),
        _decision(),
        _changes(),
        _action(),
        _facts(),
        _steps(now),
        _attempts(now),
        _timeline(now),
        _copy_box(),
        _reply(),
        _ask_operations(),
    ]


# --- Why ---------------------------------------------------------------------------------------------


def _why(now: datetime) -> Part:
    said = {
        "Waiting for people": _pending(now),
        "Retrying": _retrying(now),
        "Outcome unknown": _in_doubt(now),
        "Done": _done(now),
        "At worst": _worst(now),
    }
    runbook = {"slug": "outcome-unknown", "title": "Outcome unknown"}
    states = {
        title: {
            "waiting": waiting,
            "status": {"tone": waiting.tone},
            "runbook": runbook if waiting.runbook else None,
            "ref": "EX-1",
        }
        for title, waiting in said.items()
    }
    return Part(
        "why",
        "Why",
        "The first thing on a request’s page: what it waits for, since when, what comes next.",
        [component("why")],
        of(component("why"), states),
    )


def _pending(now: datetime) -> Waiting:
    return Waiting(
        "Waiting for Finance",
        "waiting",
        "Needs 1 more Finance approval since 06:00 UTC (3 h 12 min). I. Weber and L. Sand can.",
        now - timedelta(hours=3, minutes=12),
        "No money has moved.",
        next="Late",
        next_at=now + timedelta(minutes=48),
        who="I. Weber and L. Sand. Berlin is open to 16:30 UTC.",
    )


def _retrying(now: datetime) -> Waiting:
    return Waiting(
        "Retrying, 4 of 8",
        "retrying",
        "Account service: too many requests. Next try 09:16 UTC. Nothing has changed.",
        now - timedelta(minutes=22),
        "Nothing has changed.",
        next="Next try",
        next_at=now + timedelta(minutes=4),
        runbook="provider-limits",
    )


def _in_doubt(now: datetime) -> Waiting:
    return Waiting(
        "Outcome unknown",
        "unknown",
        "The connection dropped after we sent it. It may be done. Do not resend.",
        now - timedelta(minutes=9),
        "It may have been done.",
        next="We ask Stripe",
        next_at=now + timedelta(minutes=1),
        runbook="outcome-unknown",
    )


def _done(now: datetime) -> Waiting:
    return Waiting(
        "Done",
        "done",
        "Stripe confirmed it, reference re_3QX. The bank may need 5 to 10 business days.",
        now - timedelta(days=2),
        "EUR 1,240.00 went back to the customer.",
        heading="What happened",
    )


def _worst(now: datetime) -> Waiting:
    return Waiting(
        "Sent back",
        "failed",
        f"{as_person(HEBREW)} asked: “{ARABIC}, 12 {UNBROKEN}”.",
        now - timedelta(days=400),
        LONG,
        next=f"Waits for {as_person(LONG)}",
        who=f"{as_person(ARABIC)}, {as_person(EMOJI)} and {HEBREW}",
        heading="Why it is waiting, in the longest words that anybody found for a heading of this part",
    )


# --- Decision ----------------------------------------------------------------------------------------


def _decision() -> Part:
    allowed = {
        "allowed": True,
        "heading": "You approve exactly: Refund EUR 1,240.00, payment pi_3QX.",
        "revision": 1,
        "step": 1,
        "key": "example",
        "after": "Yours is the last approval: it starts 30 s later, and you can take it back until then.",
        "actions": _verbs("Approve EUR 1,240.00"),
    }
    changed = {
        **allowed,
        "revision": 6,
        "covered": "You decide for L. Sand, under your own name.",
        "changes": CHANGES[:2],
    }
    worst = {
        **allowed,
        "heading": f"You approve exactly: change of address to {UNBROKEN}, {ARABIC}.",
        "covered": f"You decide for {LONG}, under your own name.",
        "changes": CHANGES,
        "actions": _verbs("Approve USD 99,999,999,999.99"),
    }
    sentence = (
        "You cannot approve EX-2. You created it, and the policy needs someone else. I. Weber can."
    )
    return Part(
        "decision_panel",
        "Decision",
        "Binds to the revision that is shown. Who may not decide reads why, and who can.",
        [component("decision_panel"), component("command_fields")],
        [
            Example(
                "Not for you", component("decision_panel"), {"decision": {"sentence": sentence}}
            ),
            *of(
                component("decision_panel"),
                {
                    "Yours": {"decision": allowed, "content_hash_short": "9f3c..a1"},
                    "Changed since you saw it": {"decision": changed},
                    "At worst": {"decision": worst},
                },
            ),
        ],
    )


def _verbs(approve: str) -> dict:
    labels = {"approve": approve, "send_back": "Send back…", "reject": "Reject…"}
    return {verb: {"url": NOWHERE, "label": label} for verb, label in labels.items()}


CHANGES = [
    {"field": "Amount", "before": "EUR 1,240.00", "after": "EUR 1,310.00"},
    {"field": "Ticket", "before": "", "after": "ZD-9921"},
    {"field": "Customer", "before": HEBREW, "after": f"{ARABIC} 12"},
    {"field": "Address", "before": LONG, "after": UNBROKEN},
]


def _changes() -> Part:
    return Part(
        "changes",
        "Changes",
        "What a field was and what it is now. Empty is said in words.",
        [component("changes")],
        of(
            component("changes"),
            {"Ordinary": {"changes": CHANGES[:2]}, "At worst": {"changes": CHANGES[2:]}},
        ),
    )


def _action() -> Part:
    go = {"label": "Hold retries…", "url": NOWHERE, "method": "get", "tone": "default"}
    at_once = {"label": "Claim", "url": NOWHERE, "method": "post", "tone": "default", "version": 3}
    danger = {"label": "Withdraw…", "url": NOWHERE, "method": "get", "tone": "danger"}
    long = {**go, "label": f"Ask the provider “{HEBREW}” about {UNBROKEN}"}
    return Part(
        "action",
        "Action",
        "A verb: a link to its page, or a form where it is done at once. What is not safe has none.",
        [component("action")],
        of(
            component("action"),
            {
                "Asks first": {"action": go},
                "At once": {"action": at_once, "about": "EX-1"},
                "In a row": {"action": at_once, "about": "EX-1", "size": "small"},
                "Cannot be taken back": {"action": danger},
                "Long": {"action": long},
            },
        ),
    )


# --- Facts, steps, attempts, history -----------------------------------------------------------------


def _facts() -> Part:
    ordinary = [
        {"label": "Refundable", "value": "EUR 1,310.00"},
        {"label": "Policy", "value": "Refunds, version 3: Refunds over EUR 1,000.00"},
    ]
    worst = [
        {"label": "Customer", "value": f"{HEBREW}, {ARABIC} 12, {EMOJI}"},
        {"label": UNBROKEN, "value": UNBROKEN},
        {"label": "Reason", "value": LONG},
        {"label": "Nothing", "value": ""},
    ]
    return Part(
        "facts_list",
        "Facts",
        "What is known, by name. Also before a command, as what it is about.",
        [component("facts_list")],
        of(
            component("facts_list"),
            {"Ordinary": {"facts": ordinary}, "At worst": {"facts": worst}},
        ),
    )


def _steps(now: datetime) -> Part:
    done = {
        "number": 1,
        "team": "Payments",
        "quorum": 2,
        "approved": 2,
        "state": "done",
        "names": ["E. Markou at 08:40 UTC", "P. Roy for L. Sand at 08:52 UTC"],
    }
    due = now + timedelta(minutes=48)
    opened = {"number": 2, "team": "Finance", "quorum": 1, "approved": 0, "state": "open"}
    waiting = {"number": 3, "team": "Directors", "quorum": 1, "approved": 0, "state": "waiting"}
    worst = {
        **done,
        "team": LONG,
        "names": [f"{name} at 08:40 UTC" for name in (HEBREW, LONG, ARABIC)],
    }
    return Part(
        "steps",
        "Steps",
        "Which teams approve, in which order, and how far it is.",
        [component("steps")],
        of(
            component("steps"),
            {
                "One step": {"steps": [{**opened, "number": 1, "due_at": due}]},
                "All states": {"steps": [done, {**opened, "due_at": due}, waiting]},
                "At worst": {"steps": [worst, waiting]},
            },
        ),
    )


def _attempts(now: datetime) -> Part:
    first = {
        "number": 1,
        "url": NOWHERE,
        "started_at": now - timedelta(minutes=22),
        "took": "0.4 s",
        "result": "Refused, will be tried again",
        "cause": "Too many requests",
    }
    running = {
        "number": 2,
        "started_at": now,
        "took": "running",
        "result": "No answer recorded yet",
    }
    worst = {
        **first,
        "number": 1204,
        "purpose": "Question, changes nothing",
        "started_at": now - timedelta(days=400),
        "reference": UNBROKEN,
        "evidence": f"{ARABIC} {LONG}",
    }
    tried = {"system": "Calls to Account service", "next_at": now + timedelta(minutes=4)}
    return Part(
        "attempts",
        "Attempts",
        "Every call to the provider: when, how long, what came of it, and when the next is.",
        [component("attempts"), component("attempts_table")],
        of(
            component("attempts"),
            {
                "None yet": {"effect": {"sentence": "Not started. Nothing was sent."}},
                "Ordinary": {
                    "effect": {
                        **tried,
                        "attempts": [running, first],
                        "max_attempts": 8,
                        "key": "aq-1",
                    }
                },
                "At worst": {"effect": {**tried, "attempts": [worst], "key": UNBROKEN}},
            },
        ),
    )


def _timeline(now: datetime) -> Part:
    approved = {
        "at": now - timedelta(minutes=9),
        "sentence": "Approved step 1",
        "actor": "I. Weber",
        "tone": "done",
    }
    edited = {
        "at": now - timedelta(hours=2),
        "sentence": "Sent again as revision 2",
        "actor": "E. Markou",
        "changes": CHANGES[:2],
    }
    noted = {
        "at": now - timedelta(days=400),
        "sentence": "Note",
        "actor": f"{HEBREW} for {ARABIC}",
        "detail": f"{LONG}\n{UNBROKEN}\n{ARABIC}",
        "changes": CHANGES[2:],
    }
    by_itself = {
        "at": now - timedelta(hours=3),
        "sentence": "Tried and refused",
        "tone": "retrying",
    }
    return Part(
        "timeline_item",
        "Event",
        "One line of the history: when, what, by whom, in their words, and what changed.",
        [component("timeline_item")],
        of(
            "approvals/parts/timeline.html",
            {
                "One": {"timeline": [approved]},
                "Several": {"timeline": [approved, edited, by_itself]},
                "At worst": {"timeline": [noted, noted]},
            },
        ),
    )


def _copy_box() -> Part:
    reply = (
        "We sent your refund of EUR 1,240.00 on 24 November.\n\nYour bank may need up to 10 days."
    )
    return Part(
        "copy_box",
        "Copy box",
        "Words to take elsewhere. Without script the button is gone and the text can be selected.",
        [component("copy_box")],
        of(
            component("copy_box"),
            {
                "A reply": {"id": "reply", "text": reply, "label": "Copy reply"},
                "A secret": {"id": "secret", "text": UNBROKEN},
                "At worst": {"id": "reply", "text": f"{ARABIC}\n{HEBREW} 12\n{LONG}"},
            },
        ),
    )


def _reply() -> Part:
    def answer(text: str, language: str = "en") -> dict:
        reply = {"language": language, "id": "0123456789abcdef01234567"}
        return {"answer": {"ref": "EX-1", "customer": text, "reply": reply, "copy_key": "k"}}

    return Part(
        "reply",
        "Reply",
        "The words for a customer. Copying them records that they were copied; without script the "
        "button only records it, and the text can be selected.",
        [component("reply")],
        of(
            component("reply"),
            {
                "In English": answer("Your refund of EUR 1,240.00 was sent on 24 November."),
                "In German": answer("Ihre Erstattung wurde am 24. November ausgeführt.", "de"),
                "At worst": answer(f"{ARABIC} {LONG}"),
            },
        ),
    )


def _ask_operations() -> Part:
    question = "The customer asks again (ticket ZD-9921). What can I tell them, and by when?"
    answer = {"ref": "EX-1", "question": question, "note_key": "k"}
    return Part(
        "ask_operations",
        "Ask operations",
        "On an answer, for who may leave a note: the question becomes one.",
        [component("ask_operations")],
        of(component("ask_operations"), {"Closed": {"answer": answer}}),
    )

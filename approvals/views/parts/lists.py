"""Lists: filters, rows, cards, and what stands where nothing is found."""

from datetime import datetime, timedelta

from django import forms

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

NOWHERE = (
    "/requests/EX-1/"  # no kind of request has this prefix: nothing here can be done by mistake
)


def parts(now: datetime) -> list[Part]:
    return [
        _filter_bar(),
        _row(now),
        _bulk_bar(),
        _pager(),
        _card(now),
        _cause(now),
        _found(now),
        _empty(),
    ]


class Filters(forms.Form):
    view = forms.CharField(widget=forms.HiddenInput)
    q = forms.CharField(label="Search", widget=forms.SearchInput)
    kind = forms.ChoiceField(label="Type", choices=[("", "All"), ("refund", "Refund")])
    due = forms.ChoiceField(label="Due", choices=[("", "Any time"), ("1h", "In 1 hour")])


def _filter_bar() -> Part:
    on = [
        {"label": label, "remove_url": "#part-filter_bar"}
        for label in ("Team: Payments", f"Search: {UNBROKEN}", f"Search: {ARABIC}")
    ]
    form = Filters(initial={"view": "all", "q": "Silva"})
    return Part(
        "filter_bar",
        "Filter bar",
        "Narrows a list. The filters are in the address; those that are on can be taken off singly.",
        [component("filter_bar")],
        of(
            component("filter_bar"),
            {
                "No filter is on": {"filter_form": Filters()},
                "Filters are on": {
                    "filter_form": form,
                    "active_filters": on,
                    "clear_url": "#part-filter_bar",
                },
            },
        ),
    )


# --- Rows --------------------------------------------------------------------------------------------


def _row(now: datetime) -> Part:
    rows = [_retrying(now), _pending(now), _unclaimed(now), _worst(now)]
    return Part(
        "queue_row",
        "Row",
        "A request in a table: when it is due, what it is, its status, why it waits and whose it is.",
        [component("queue_row"), component("row_why")],
        [
            Example("To select", "approvals/parts/queue_rows.html", {"rows": rows, "picks": True}),
            Example("To read", "approvals/parts/queue_rows.html", {"rows": rows[:1]}),
        ],
    )


def _retrying(now: datetime) -> dict:
    return {
        "ref": "EX-1",
        "version": 9,
        "url": NOWHERE,
        "title": "Change of email for acct_88231",
        "subtitle": "Account change, Ana Silva",
        "status": {"tone": "retrying", "label": "Retrying, 4 of 8"},
        "why": "Account service: too many requests. Next try 09:16 UTC. Nothing has changed.",
        "same": {"label": "3 with this cause", "url": "#part-failure_row"},
        "due_at": now + timedelta(minutes=48),
        "due_label": "in 48 min",
        "owner": "E. Markou",
    }


def _pending(now: datetime) -> dict:
    return {
        "ref": "EX-2",
        "version": 2,
        "url": NOWHERE,
        "title": "Refund EUR 1,240.00",
        "subtitle": "Order 88231, Ana Silva",
        "status": {"tone": "waiting", "label": "Waiting for Finance"},
        "why": "Needs 1 more Finance approval since 06:00 UTC (3 h 12 min). I. Weber and L. Sand can.",
        "due_at": now - timedelta(minutes=12),
        "due_label": "12 min late",
        "late": True,
        "owner": "Unclaimed",
        "action": {"label": "Remind", "url": NOWHERE, "method": "post", "tone": "default"},
    }


def _unclaimed(now: datetime) -> dict:
    return {
        "ref": "EX-3",
        "version": 1,
        "url": NOWHERE,
        "title": "Call the bank",
        "status": {"tone": "failed", "label": "Needs a person"},
        "why": "Stopped after 8 tries: the account is closed. Nothing has changed.",
        "next": "Ask the customer for another account.",
        "owner": "Unclaimed",
    }


def _worst(now: datetime) -> dict:
    return {
        "ref": "EX-123456789012345",
        "version": 12,
        "url": NOWHERE,
        "title": f"Change of address to {UNBROKEN}",
        "subtitle": f"Account change, {HEBREW}, {LONG}",
        "status": {"tone": "waiting", "label": f"Sent back to {as_person(LONG)}"},
        "why": f"{as_person(HEBREW)} asked: “{ARABIC} 12?” at 08:40 UTC. Waits for {as_person(LONG)}.",
        "due_at": now + timedelta(days=400),
        "due_label": "in 400 d",
        "owner": as_person(EMOJI),
        "action": {"label": "Review", "url": NOWHERE, "tone": "default"},
    }


def _bulk_bar() -> Part:
    return Part(
        "bulk_bar",
        "Bulk bar",
        "One verb for the ticked rows. It stays in sight once something is ticked.",
        [component("bulk_bar")],
        of(
            component("bulk_bar"),
            {
                "One page": {"page": {"query": "view=stuck"}},
                "Several pages": {"page": {"query": "view=stuck", "next_url": "#part-bulk_bar"}},
            },
        ),
    )


def _pager() -> Part:
    here = "#part-pager"
    return Part(
        "pager",
        "Pager",
        "On to the next page of a list, or back to the first. There are no page numbers.",
        [component("pager")],
        of(
            component("pager"),
            {
                "All on one page": {},
                "First page": {"next_url": here},
                "Between": {"first_url": here, "next_url": here},
                "Last page": {"first_url": here},
            },
        ),
    )


# --- Cards, causes, results --------------------------------------------------------------------------


def _card(now: datetime) -> Part:
    ordinary = {
        "ref": "EX-2",
        "title": "Refund EUR 1,240.00, order 88231",
        "url": NOWHERE,
        "asked_by": "E. Markou",
        "due_at": now + timedelta(minutes=48),
        "reason": "Parcel lost; the carrier confirmed it.",
        "checks": [
            "Paid: EUR 2,000.00",
            "Refundable: EUR 1,310.00",
            "Step 1 of 2: 0 of 1 approved",
        ],
    }
    worst = {
        **ordinary,
        "ref": "EX-123456789012345",
        "title": f"Change of address to {UNBROKEN}",
        "status": {"tone": "failed", "label": "Nobody can approve"},
        "covered": as_person(HEBREW),
        "asked_by": as_person(ARABIC),
        "due_at": now - timedelta(hours=30),
        "late": True,
        "reason": LONG,
        "checks": [f"Paid by: {HEBREW}", UNBROKEN],
    }
    bare = {"ref": "EX-3", "title": "Call the bank", "url": NOWHERE, "asked_by": "J. Ray"}
    return Part(
        "decision_card",
        "Decision card",
        "A request in the list of who decides it: enough to choose which to open first.",
        [component("decision_card")],
        of(
            "approvals/parts/cards.html",
            {
                "Bare": {"cards": [bare]},
                "Ordinary": {"cards": [ordinary]},
                "At worst": {"cards": [worst]},
            },
        ),
    )


def _cause(now: datetime) -> Part:
    growing = {
        "tone": "retrying",
        "title": "Too many requests",
        "url": "#part-failure_row",
        "systems": "Account service",
        "count": 3,
        "held": 1,
        "grown": "Grown past the 2 you set",
        "first_seen": now - timedelta(hours=5),
        "last_seen": now - timedelta(minutes=2),
        "trend": [0] * 18 + [1, 0, 2, 4, 7, 3],
        "meaning": "The provider wants fewer calls in a minute.",
        "moved": "Nothing has changed.",
        "next": "Wait: it is tried again by itself.",
        "next_at": now + timedelta(minutes=4),
        "runbook_url": "#part-failure_row",
    }
    worst = {
        **growing,
        "tone": "unknown",
        "title": f"The provider says {UNBROKEN}",
        "systems": f"Account service, Stripe and {HEBREW}",
        "count": 12_048,
        "grown": "",
        "trend": [0] * 24,
        "first_seen": now - timedelta(days=400),
        "meaning": LONG,
    }
    return Part(
        "failure_row",
        "Cause",
        "Why requests fail, once for all that fail for it: what it means and what is safe.",
        [component("failure_row"), component("trend")],
        of("approvals/parts/failure_rows.html", {"Causes": {"groups": [growing, worst]}}),
    )


def _found(now: datetime) -> Part:
    one = {
        "ref": "EX-2",
        "title": "Refund EUR 1,240.00",
        "url": NOWHERE,
        "status": {"tone": "done", "label": "Done"},
        "created_at": now - timedelta(days=3),
    }
    bare = {"ref": "EX-3", "title": "Call the bank", "url": NOWHERE}
    worst = {**one, "ref": "EX-123456789012345", "title": f"{ARABIC}: {UNBROKEN}"}
    return Part(
        "found",
        "Found",
        "Requests that fit what was looked up, when there are several.",
        [component("found")],
        of(
            component("found"),
            {
                "Several": {"found": [one, bare], "id": "which", "heading": "Which one?"},
                "At worst": {"found": [worst], "id": "which", "heading": "Also for this customer"},
            },
        ),
    )


def _empty() -> Part:
    action = {"action_url": "#part-empty_state", "action_label": "See all open"}
    states = {
        "Nothing to do": {"sentence": "Nothing waits for you."},
        "With a way on": {
            "sentence": "Nothing is stuck. 10 requests are open and on time.",
            **action,
        },
        "At worst": {"sentence": f"No request matches {UNBROKEN} and {ARABIC}.", **action},
    }
    return Part(
        "empty_state",
        "Empty",
        "Stands where a list would be: what it means that nothing is there, and where to go.",
        [component("empty_state")],
        of(component("empty_state"), {title: {"empty": empty} for title, empty in states.items()}),
    )

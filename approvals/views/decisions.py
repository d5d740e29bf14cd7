"""My decisions: what waits for me, and what I decided."""

from collections import defaultdict
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Access
from approvals import kinds, queries
from approvals.explain import Waiting
from approvals.models import ApprovalRequest, Decision
from approvals.rules import covered_by, may, step_for
from approvals.views.frame import reader
from approvals.wording import duration, listed, money, short_name, shortened, visible


@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    person, now = reader(request), timezone.now()
    waiting, others = queries.decisions(person)
    show = request.GET.get("show", "")
    show = show if show in ("decided", "cover") else ""
    for_others = [item for item in waiting if covered_by(item, person)]
    explained = queries.explained(waiting, now)
    context = {
        "summary": _summary(waiting, now),
        "tabs": [
            {
                "label": "Waiting",
                "url": "/decisions/",
                "count": len(waiting),
                "current": not show,
            },
            {
                "label": "Decided by me",
                "url": "/decisions/?show=decided",
                "current": show == "decided",
            },
            {
                "label": "I cover for others",
                "url": "/decisions/?show=cover",
                "count": len(for_others),
                "current": show == "cover",
            },
        ],
    }
    if show == "decided":
        context["decided"] = [_decided(decision) for decision in queries.decided_by(person)]
        context["empty"] = {"sentence": "You have decided nothing yet."}
    elif show == "cover":
        context["cards"] = [_card(item, explained[item.pk], person, now) for item in for_others]
        context["covers"] = [
            f"You decide for {visible(one.name)} where they would be needed."
            for one in person.covers
        ]
        context["empty"] = {
            "sentence": "Nothing waits for you in somebody else’s place."
            if person.covers
            else "You cover for nobody now.",
            "action_url": "/me/cover/",
            "action_label": "Set cover for me",
        }
    else:
        context["cards"] = [_card(item, explained[item.pk], person, now) for item in waiting]
        context["not_for_you"] = [may("approve", item, person).sentence for item in others]
        context["empty"] = {"sentence": "" if waiting else _nothing_waits(person, now)}
    return render(request, "approvals/decisions.html", context)


def _summary(waiting: list[ApprovalRequest], now: datetime) -> str:
    if not waiting:
        return ""
    oldest = duration(now - min(item.waiting_since for item in waiting))
    sums: dict[str, int] = defaultdict(int)
    for item in waiting:
        if item.amount is not None:
            sums[item.currency] += item.amount
    total = listed([money(amount, currency) for currency, amount in sorted(sums.items())])
    wait = "waits" if len(waiting) == 1 else "wait"
    return f"{len(waiting)} {wait} for you, oldest {oldest}." + (
        f" Total {total}." if total else ""
    )


def _card(item: ApprovalRequest, waiting: Waiting, person: Access, now: datetime) -> dict:
    kind = kinds.kind_of(item.kind)
    checks = [f"{line['label']}: {line['value']}" for line in item.examined]
    step = step_for(item, person) or item.open_step
    given = len(item.approvals_of(step.number))
    covered = covered_by(item, person)
    checks.append(f"Step {step.number} of {len(item.steps)}: {given} of {step.quorum} approved")
    return {
        "ref": item.ref,
        "title": f"{visible(kind.title(item.payload))}, {visible(kind.subtitle(item.payload))}",
        "url": f"/requests/{item.ref}/#decide",
        "status": {"label": waiting.label, "tone": waiting.tone} if waiting.stuck else None,
        "covered": visible(short_name(covered.name)) if covered else "",
        "asked_by": visible(short_name(item.requested_by.name)),
        "due_at": item.due_at,
        "late": item.due_at is not None and item.due_at < now,
        "reason": shortened(visible(item.reason), 240),
        "checks": checks,
    }


def _decided(decision: Decision) -> dict:
    item = decision.item
    void = ", no longer counts" if decision.voided_at else ""
    covered = f" for {visible(short_name(decision.covered.name))}" if decision.covered else ""
    return {
        "url": f"/requests/{item.ref}/",
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "verdict": f"{decision.get_choice_display()}{covered}, revision {decision.revision}{void}",
        "at": decision.decided_at,
    }


def _nothing_waits(person: Access, now: datetime) -> str:
    last = queries.decided_by(person, limit=1).first()
    if last is None:
        return "Nothing waits for you."
    return f"Nothing waits for you. Your last decision was {duration(now - last.decided_at)} ago."

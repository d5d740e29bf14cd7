"""A handoff that was sent: how each request stood then, how it stands now, and what was answered."""

from collections.abc import Iterable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Access
from approvals.rules import SEEING
from approvals.views.frame import new_key, reader
from approvals.wording import short_name, visible
from audit import timeline
from audit.models import Event
from handoffs import queries
from handoffs.models import OF_REQUESTS, Choice, Handoff, HandoffState, Section
from handoffs.queries import Seen
from handoffs.views import drafting, frame, parts

LONGEST_HISTORY = 100
SENTENCES = {
    "handoff.start": "Draft started",
    "handoff.save": "Draft saved",
    "handoff.fill": "Draft filled in again",
    "handoff.send": "Sent to {to}",
    "handoff.answer": "{ref}: {answer}",
    "handoff.acknowledge": "Read",
    "handoff.withdraw": "Withdrawn",
    "handoff.late": "Late: {unanswered} without an answer",
}
OF_DRAFTS = ("handoff.save", "handoff.fill")


@require_GET
def handoff(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft to its sender, what was sent to all who may read it."""
    shown = frame.found(request, pk)
    if shown.state == HandoffState.DRAFT:
        return drafting.page(request, shown)
    person, now = reader(request), timezone.now()
    seen = queries.seen_lines(shown, person, now)
    answers = shown.state == HandoffState.SENT and shown.receiver_id == person.user_id
    context = {
        **parts.head(shown, now),
        "sections": _sections(shown, seen, now, answers=answers),
        **parts.ending(shown, person),
        "actions": _actions(shown, person),
        "history": _history(shown, {one.item.ref for one in seen}),
        "sees_part": not _sees_all(shown, person),
    }
    return render(request, "handoffs/report.html", context)


def _sections(shown: Handoff, seen: Iterable[Seen], now: datetime, *, answers: bool) -> list[dict]:
    rows: dict[str, list[dict]] = {section.value: [] for section in OF_REQUESTS}
    for one in seen:
        rows[one.line.section].append(_row(shown, one, answers=answers))
    return [
        {
            "number": parts.number_of(section),
            "slug": section.value,
            "label": section.label,
            "rows": rows[section.value],
            "left_out": shown.left_out.get(section.value, 0),
            "is_risky": section == Section.RISKY,
            "is_none": section.value in shown.nones,
        }
        for section in OF_REQUESTS
    ]


def _row(shown: Handoff, one: Seen, *, answers: bool) -> dict:
    line = one.line
    return {
        "number": line.pk,
        "ref": one.item.ref,
        "url": f"/requests/{one.item.ref}/",
        "title": line.title,
        "then": {"label": visible(line.label), "tone": line.tone},
        "sentence": visible(line.sentence),
        "owner": short_name(line.owner) if line.owner else "Unclaimed",
        "now": {"label": one.waiting.label, "tone": one.waiting.tone},
        "now_at": one.now_at,
        "is_the_same": one.is_the_same,
        "next_step": visible(line.next_step),
        "condition": visible(line.condition),
        "to": visible(line.new_owner.name) if line.section == Section.RISKY else "",
        "answer": _answer(shown, one) if line.answer else None,
        "offers": _offers(shown, one) if answers and not line.answer else [],
    }


def _answer(shown: Handoff, one: Seen) -> dict:
    line = one.line
    return {
        "label": line.get_answer_display(),
        "tone": "failed" if line.answer == Choice.CANNOT else "done",
        "at": line.answered_at,
        "by": short_name(visible(shown.receiver.name)),
        "text": visible(line.answer_text),
        "ownership": visible(line.ownership),
    }


def _offers(shown: Handoff, one: Seen) -> list[dict]:
    base = f"{frame.url_of(shown.pk)}lines/{one.line.pk}"
    return [
        _button("Accept", f"{base}/accept/", tone="default", method="post"),
        _button("Accept with a question…", f"{base}/question/"),
        _button("Cannot take…", f"{base}/cannot/"),
    ]


def _actions(shown: Handoff, person: Access) -> list[dict]:
    base, found = frame.url_of(shown.pk), []
    if shown.state != HandoffState.SENT:
        return found
    if shown.receiver_id == person.user_id and not shown.count:
        found.append(_button("I have read it", f"{base}acknowledge/", "primary", method="post"))
    if shown.receiver_id == person.user_id and shown.unanswered > 1:
        found.append(_button(f"Accept all {shown.unanswered}…", f"{base}accept-all/", "primary"))
    if shown.sender_id == person.user_id and shown.unanswered == shown.count:
        found.append(_button("Withdraw…", f"{base}withdraw/", "danger"))
    return found


def _button(label: str, url: str, tone: str = "default", *, method: str = "get") -> dict:
    key = new_key() if method == "post" else ""
    return {"label": label, "url": url, "tone": tone, "method": method, "key": key}


def _sees_all(shown: Handoff, person: Access) -> bool:
    return set(shown.about) <= set(person.queues_with(*SEEING))


def _history(shown: Handoff, refs: set[str]) -> list[dict]:
    """Newest first, without the steps of the draft and without requests that the reader can't see."""
    events = timeline.of_stream(shown.stream).exclude(action__in=OF_DRAFTS)[:LONGEST_HISTORY]
    return [_entry(event) for event in events if event.facts.get("ref", "") in {"", *refs}]


def _entry(event: Event) -> dict:
    facts = dict(event.facts)
    if "answer" in facts:
        facts["answer"] = Choice(facts["answer"]).label.lower()
    return {
        "at": event.occurred_at,
        "sentence": visible(SENTENCES[event.action].format_map(facts)),
        "actor": visible(event.actor_label),
        "detail": visible(event.reason),
    }

"""One request: why it waits, the decision, what will happen, its attempts and its history."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Access
from approvals import kinds, queries, runbooks
from approvals.ceilings import Ceilings
from approvals.explain import Deciders
from approvals.models import ApprovalRequest, Effect, State, Step
from approvals.models.decision import speaker
from approvals.rules import covered_by, may, step_for
from approvals.views import attempt as attempt_view
from approvals.views import past, place, told
from approvals.views.frame import new_key, reader
from approvals.views.verbs import ACTIONS_IN_ORDER, VERBS, offers
from approvals.wording import clock, listed, money, short_name, visible
from audit import timeline
from audit.models import Event

LONGEST_TIMELINE = 100
RESUBMIT = "request.resubmit"


@require_GET
def detail(request: HttpRequest, ref: str) -> HttpResponse:
    person, now = reader(request), timezone.now()
    item = queries.find(ref, person)
    if item is None:
        raise Http404(ref)
    if "at" in request.GET:
        return past.page(request, item, request.GET["at"])
    series = _series(request, item)
    deciders = queries.deciders_of([item], now).get(item.pk, Deciders())
    waiting = queries.explained([item], now, {item.pk: deciders})[item.pk]
    events = list(timeline.of_stream(item.stream)[:LONGEST_TIMELINE])
    kind = kinds.kind_of(item.kind)
    inspects = bool(may("inspect", item, person))
    context = {
        "ref": item.ref,
        "title": visible(kind.title(item.payload)),
        "version": item.version,
        "revision": item.revision if item.revision > 1 else None,
        "status": {"label": waiting.label, "tone": waiting.tone},
        "glass": _glass(item, now),
        "waiting": waiting,
        "runbook": runbooks.find(waiting.runbook) if inspects else None,
        "decision": _decision(request, item, deciders, events),
        "content_hash_short": f"{item.content_hash[:4]}..{item.content_hash[-2:]}",
        "actions": _actions(request, item),
        "blocked": _blocked(request, item, deciders),
        "facts": _what_will_happen(item, kind, inspects),
        "content": told.what_was_asked(item, kind, now),
        "reveal": _reveal(item, kind) if inspects else None,
        "steps": _steps(item),
        "approvers_url": f"/requests/{item.ref}/approvers/" if inspects else "",
        "effect": _execution(item, kind) if inspects else None,
        "timeline": [told.entry(event) for event in events],
        "audit_line": _audit_line(item, events),
        "forgotten_at": item.forgotten_at,
        "receipt_url": f"/requests/{item.ref}/receipt/" if inspects else "",
        "past_url": past.url_before(item, events),
        "note_form": _note_form(item),
        "series": series,
        "back_url": place.back(request, item.ref) if inspects else "/lookup/",
        "back_label": "Back to queue" if inspects else "Back to lookup",
    }
    return render(request, "approvals/request.html", context)


def _glass(item: ApprovalRequest, now: datetime) -> dict | None:
    """That somebody may decide it past its team, or did so and nobody has looked at it yet."""
    if item.glass_by is not None:
        who, until = visible(short_name(item.glass_by.name)), clock(item.glass_until, now)
        return {"label": f"Glass broken by {who}, until {until}", "tone": "failed"}
    return {"label": "Second look due", "tone": "failed"} if item.look_due else None


def _audit_line(item: ApprovalRequest, newest_first: list[Event]) -> str:
    """Which event is the newest, and how many of the first are no longer here."""
    line = f"Event {item.version:,} is the newest"
    if len(newest_first) < LONGEST_TIMELINE and (gone := item.version - len(newest_first)):
        return f"{line}; the first {'one is' if gone == 1 else f'{gone:,} are'} archived"
    return line


def _series(request: HttpRequest, item: ApprovalRequest) -> dict | None:
    """“Decision 1 of 3” and the next one, for who can decide this or has just decided it."""
    person = reader(request)
    spoke = any(decision.person_key == person.person_key for decision in item.every_decision)
    if not person.queues_with("decide_request") or not (spoke or item.state == State.PENDING):
        return None
    refs = queries.decisions_of(person)
    is_all = len(refs) < queries.MOST_DECISIONS
    if is_all:
        request.can_decide = len(refs)  # the number beside “Decisions”
    count = f"{len(refs)}" if is_all else f"{len(refs)} or more"
    if item.ref in refs:
        number = refs.index(item.ref) + 1
        words = f"Decision {number} of {count}" if len(refs) > 1 else ""
        following = refs[number:] or refs[: number - 1]
    elif spoke:
        following = refs
        wait = "1 decision waits" if len(refs) == 1 else f"{count} decisions wait"
        words = f"{wait} for you" if refs else ""
    else:
        return None
    return {"words": words, "next": following[0]} if following else None


def _decision(
    request: HttpRequest, item: ApprovalRequest, deciders: Deciders, events: list[Event]
) -> dict | None:
    """The decision panel, for people who may decide; for others a sentence, where it helps."""
    person = reader(request)
    if item.state != State.PENDING:
        return None
    verdict = may("approve", item, person)
    if not verdict:
        if not person.queues_with("decide_request") and not _asked_it(item, person):
            return None
        who = f" {listed(list(deciders.names))} can." if deciders.names else ""
        return {"allowed": False, "sentence": f"{verdict.sentence}{who}"}
    kind = kinds.kind_of(item.kind)
    amount = f" {money(item.amount, item.currency)}" if item.amount is not None else ""
    step = step_for(item, person)
    covered = covered_by(item, person, step)
    return {
        "allowed": True,
        "heading": f"You approve exactly: {visible(kind.title(item.payload))}, "
        f"{kind.target(item.payload)}.",
        "covered": f"You decide for {visible(covered.name)}, under your own name."
        if covered
        else "",
        "revision": item.revision,
        "version": None,
        "step": step.number,
        "key": new_key(),
        "changes": _changes_since_seen(item, person, events),
        "changes_heading": _changes_heading(item, person),
        "after": _after_approval(item, step),
        "ceiling": Ceilings.of(step.team_ids).reached_by(
            item, step, covered or person, at=timezone.now()
        ),
        "actions": {
            "approve": {"url": f"/requests/{item.ref}/approve/", "label": f"Approve{amount}"},
            "send_back": {"url": f"/requests/{item.ref}/send-back/", "label": "Send back…"},
            "reject": {"url": f"/requests/{item.ref}/reject/", "label": "Reject…"},
        },
    }


def _asked_it(item: ApprovalRequest, person: Access) -> bool:
    return item.requester_key == person.person_key


def _after_approval(item: ApprovalRequest, step: Step) -> str:
    given = len(item.approvals_of(step.number))
    is_alone = all(other.closed_at for other in item.steps if other.number != step.number)
    is_last = given + 1 >= step.quorum and is_alone
    if not is_last:
        return "After you, it waits for the next approval."
    if not item.start_delay_s:
        return "Yours is the last approval: it starts at once."
    return (
        f"Yours is the last approval: it starts {item.start_delay_s} s later, "
        "and you can take it back until then."
    )


def _changes_heading(item: ApprovalRequest, person: Access) -> str:
    if queries.last_seen_revision(item, person):
        return "Changed since you decided"
    return "Changed since it was first asked"


def _changes_since_seen(item: ApprovalRequest, person: Access, newest: list[Event]) -> list[dict]:
    """What changed in revisions this person has not decided on, newest last."""
    if item.revision == 1:
        return []
    seen = queries.last_seen_revision(item, person) or 1
    is_all = len(newest) < LONGEST_TIMELINE
    events = newest if is_all else timeline.of_stream(item.stream).filter(action=RESUBMIT)
    changes: list[dict] = []
    for event in reversed(events):
        if event.action == RESUBMIT and event.facts.get("revision", 0) > seen:
            changes += event.changes
    return told.changes_shown(changes)


def _actions(request: HttpRequest, item: ApprovalRequest) -> list[dict]:
    person = reader(request)
    found = []
    for verb in ACTIONS_IN_ORDER:
        if not offers(verb, item) or not may(verb, item, person):
            continue
        words = VERBS[verb]
        found.append(
            {
                "label": words.button,
                "url": f"/requests/{item.ref}/{verb.replace('_', '-')}/",
                "method": "post" if words.at_once else "get",
                "tone": "danger" if words.is_danger else "default",
                "key": new_key(),
                "version": item.version,
            }
        )
    return found


def _blocked(request: HttpRequest, item: ApprovalRequest, deciders: Deciders) -> list[str]:
    """What somebody in your place might look for and why it isn't here."""
    if item.state == State.IN_DOUBT:
        return ["Sending it again is not offered: it may have been done already."]
    return []


def _what_will_happen(item: ApprovalRequest, kind: kinds.Kind, inspects: bool) -> list[dict]:
    lines = [*item.examined]
    lines.append({"label": "Carried out by", "value": kind.system})
    effect = queries.effect_of(item)
    if effect is not None and effect.provider_reference:
        lines.append({"label": "Reference", "value": effect.provider_reference})
    if effect is not None and inspects:
        lines.append({"label": "Request key", "value": effect.key})
    version = item.policy_version
    lines.append(
        {
            "label": "Policy",
            "value": f"{version.policy.name}, version {version.number}: {item.policy_rule}",
        }
    )
    owner = visible(item.owner.name) if item.owner else "Unclaimed"
    return [*lines, {"label": "Owner", "value": owner}]


def _reveal(item: ApprovalRequest, kind: kinds.Kind) -> dict | None:
    """For requests of which something is hidden."""
    names = [fact.label for fact in kind.facts(item.payload) if fact.is_private]
    if not names:
        return None
    return {"label": f"Reveal {listed(names)}", "url": f"/requests/{item.ref}/reveal/"}


def _steps(item: ApprovalRequest) -> list[dict]:
    lines = []
    for step in item.steps:
        given = item.approvals_of(step.number)
        is_open = item.state == State.PENDING and step in item.open_steps
        done = len(given) >= step.quorum
        now = timezone.now()
        lines.append(
            {
                "number": step.number,
                "team": visible(step.team.name),
                "quorum": step.quorum,
                "approved": len(given),
                "names": [f"{visible(speaker(d))} at {clock(d.decided_at, now)}" for d in given],
                "state": "done" if done else "open" if is_open else "waiting",
                "due_at": (step.due_at or item.due_at) if is_open else None,
            }
        )
    return lines


def _execution(item: ApprovalRequest, kind: kinds.Kind) -> dict | None:
    effect = queries.effect_of(item)
    if effect is None or not item.policy_version:
        return None
    attempts = [attempt_view.described(item, one) for one in effect.tries.order_by("-number")]
    return {
        "system": f"Calls to {kind.system}" if kind.is_outside else "Execution",
        "sentence": "" if attempts else _without_calls(effect),
        "attempts": attempts,
        "max_attempts": None,
        "next_at": effect.next_attempt_at if item.state == State.RETRYING else None,
        "key": effect.key,
    }


def _without_calls(effect: Effect) -> str:
    if effect.first_sent_at is None:
        return "Not started. Nothing was sent."
    return "Its calls are archived: they are no longer here."


def _note_form(item: ApprovalRequest) -> dict:
    return {
        "url": f"/requests/{item.ref}/note/",
        "key": new_key(),
        "version": None,
    }

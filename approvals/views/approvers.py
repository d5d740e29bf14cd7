"""Why a request needs these approvals, and who can give them: `/requests/<ref>/approvers/`."""

from collections.abc import Iterator
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Access
from accounts.verdicts import Verdict, denied
from approvals import asked, policy_words, queries, reach
from approvals.ceilings import Ceilings
from approvals.deciders import candidates
from approvals.models import ApprovalRequest, Step
from approvals.models.decision import speaker
from approvals.routing import Facts, Rule
from approvals.rules import covered_by, may, may_decide
from approvals.views.frame import reader
from approvals.wording import clock, listed, money, visible


@require_GET
def approvers(request: HttpRequest, ref: str) -> HttpResponse:
    item, now = queries.find(ref, reader(request)), timezone.now()
    if item is None or not may("inspect", item, reader(request)):
        raise Http404(ref)
    version = item.policy_version
    steps = [] if item.decided_by_id or not item.is_open else item.steps
    teams = {team for step in steps for team in step.team_ids}
    people, ceilings = candidates(teams, now, also=_glass(item)), Ceilings.of(teams)
    context = {
        "ref": item.ref,
        "back_url": f"/requests/{item.ref}/",
        "policy": visible(version.policy.name),
        "policy_url": f"/policies/{version.policy.slug}/v/{version.number}/",
        "number": version.number,
        "rules": list(_rules(item)),
        "knows_teams": bool(item.routed_by),
        "steps": [_step(item, step, people, ceilings, now) for step in steps],
        "administers": reader(request).is_staff,
        "cure": reach.CURE if item.stranded_at else "",
    }
    return render(request, "approvals/approvers.html", context)


def _glass(item: ApprovalRequest) -> set[int]:
    return {item.glass_by_id} - {None}


# --- The rule that matched ------------------------------------------------------------------------


def _rules(item: ApprovalRequest) -> Iterator[dict]:
    """Those above the one that matched, each with what did not hold; then that one."""
    facts = asked.facts_of(item)
    for rule in item.policy_version.rules:
        is_it = rule.name == item.policy_rule
        yield {
            "name": visible(rule.name),
            "matched": is_it,
            "conditions": [visible(text) for text in policy_words.conditions(rule)],
            "misses": [] if is_it else _misses(rule, facts),
        }
        if is_it:
            return


def _misses(rule: Rule, facts: Facts) -> list[str]:
    """“when EUR 1,000.01 and more; it is EUR 88.00”."""
    return [
        f"{visible(policy_words.condition(rule, name))}; {visible(_fact(name, rule, facts))}"
        for name in rule.misses(facts)
    ]


def _fact(name: str, rule: Rule, facts: Facts) -> str:
    if name == "requester_team":
        return f"who asked is of {listed(sorted(facts.requester_teams)) or 'no team'}"
    if name == "recent":
        sums = facts.recent.get(rule.window)
        return f"this is number {sums.count}" if sums else "how many there were is not known"
    if name.startswith("value"):
        currency = rule.when["value_currency"]
        value = facts.values.get(currency)
        return f"it is worth {money(value, currency)}" if value is not None else "no rate is fresh"
    amount = money(facts.amount, facts.currency) if facts.amount is not None else "no amount"
    known = {"kind": facts.kind, "currency": facts.currency or "none", "origin": facts.origin}
    return f"it is {known.get(name, amount)}"


# --- Who can, and who cannot ----------------------------------------------------------------------


def _step(
    item: ApprovalRequest, step: Step, people: list[Access], ceilings: Ceilings, now: datetime
) -> dict:
    given = item.approvals_of(step.number)
    asked_of = [person for person in people if _is_asked(item, step, person)]
    verdicts = [(person, _verdict(item, step, person, ceilings, now)) for person in asked_of]
    return {
        "number": step.number,
        "team": visible(step.team.name),
        "quorum": step.quorum,
        "state": _state(item, step),
        "given": [f"{visible(speaker(one))}, {clock(one.decided_at, now)}" for one in given],
        "able": [_named(person) for person, verdict in verdicts if verdict],
        "unable": [
            {**_named(person), "why": verdict.sentence}
            for person, verdict in verdicts
            if not verdict
        ],
    }


def _verdict(
    item: ApprovalRequest, step: Step, person: Access, ceilings: Ceilings, now: datetime
) -> Verdict:
    verdict = may_decide(item, step, person)
    if not verdict or step not in item.open_steps:
        return verdict
    seat = covered_by(item, person, step) or person
    reached = ceilings.reached_by(item, step, seat, at=now)
    return denied("ceiling", reached) if reached else verdict


def _named(person: Access) -> dict:
    return {"name": visible(person.name), "url": f"/people/{person.user_id}/access/"}


def _is_asked(item: ApprovalRequest, step: Step, person: Access) -> bool:
    """Of the step's teams, covering somebody of them, or who broke the glass."""
    teams = set(step.team_ids)
    covered = any(teams & set(one.teams) for one in person.covers)
    return bool(teams & set(person.teams)) or covered or person.user_id == item.glass_by_id


def _state(item: ApprovalRequest, step: Step) -> str:
    if step.closed_at is not None:
        return "done"
    return "open" if step in item.open_steps else "opens after the step before"

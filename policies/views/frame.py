"""What the pages of policies share: finding what they are about, and rules as people read them."""

from collections.abc import Sequence

from django.http import Http404, HttpRequest

from approvals import policy_words
from approvals.models import Policy, PolicyVersion
from approvals.policy_lint import Finding
from approvals.policy_table import parse
from approvals.policy_words import RuleChange
from approvals.routing import Rule
from approvals.rules import may
from approvals.views.frame import new_key, reader
from approvals.wording import visible
from policies import queries
from policies.models import Draft


def found(request: HttpRequest, slug: str) -> Policy:
    if not queries.sees(reader(request)):
        raise Http404(slug)
    policy = queries.policies().filter(slug=slug).first()
    if policy is None:
        raise Http404(slug)
    return policy


def found_draft(request: HttpRequest, slug: str, pk: int) -> Draft:
    found(request, slug)
    draft = queries.draft(slug, pk)
    if draft is None:
        raise Http404(str(pk))
    return draft


def writes(request: HttpRequest, policy: Policy) -> bool:
    return bool(may("write_policy", policy, reader(request)))


def url_of(draft: Draft) -> str:
    return f"/policies/{draft.policy.slug}/drafts/{draft.pk}/"


def rules(table: list, findings: Sequence[Finding] = ()) -> list[dict]:
    """A table in words, with what is wrong beside the rule."""
    return [_rule(number, rule, findings) for number, rule in enumerate(parse(table), start=1)]


def _rule(number: int, rule: Rule, findings: Sequence[Finding]) -> dict:
    return {
        "number": number,
        "name": visible(rule.name),
        "conditions": [visible(text) for text in policy_words.conditions(rule)],
        "steps": [visible(text) for text in policy_words.steps(rule)],
        "others": [visible(text) for text in policy_words.others(rule)],
        "findings": [
            {"sentence": visible(one.sentence), "is_error": one.is_error}
            for one in findings
            if one.rule == number
        ],
    }


def differences(before: PolicyVersion, table: list) -> list[dict]:
    """Rule by rule, from a version to a table."""
    return [_difference(one) for one in policy_words.differences(before.rules, parse(table))]


def _difference(change: RuleChange) -> dict:
    """What was added or removed is shown as it is or was, what was changed with both."""
    lines = [{name: visible(text) for name, text in line.items()} for line in change.lines]
    shown = {
        "name": visible(change.name),
        "label": change.what.capitalize(),
        "tone": {"added": "done", "removed": "failed"}.get(change.what, "waiting"),
    }
    if change.what in ("added", "removed"):
        facts = [{"label": one["field"], "value": one["after"] or one["before"]} for one in lines]
        return {**shown, "facts": facts}
    return {**shown, "changes": lines}


def button(
    label: str, url: str, *, tone: str = "default", method: str = "get", version: int | None = None
) -> dict:
    key = new_key() if method == "post" else ""
    return {
        "label": label,
        "url": url,
        "tone": tone,
        "method": method,
        "key": key,
        "version": version,
    }

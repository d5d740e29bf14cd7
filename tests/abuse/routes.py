"""Every route of the pages with an address of something that is there, and one of something that is not."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from approvals.models import ApprovalRequest, Attempt, State
from audit.models import Event
from handoffs.models import Handoff
from policies.models import Draft, Trial
from rights.models import Proposal
from webhooks.models import Delivery, Endpoint

NOT_OURS = ("allauth", "django.contrib.admin")


def names() -> dict[str, URLPattern]:
    """Named routes of the product. The API has a table of its own; the administration is Django's."""
    return {one.name: one for one in _patterns(get_resolver().url_patterns) if one.name}


def _patterns(found: list) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLPattern):
            yield one
        elif isinstance(one, URLResolver) and not one.app_name and not _is_foreign(one):
            yield from _patterns(one.url_patterns)


def _is_foreign(one: URLResolver) -> bool:
    return any(name in str(one.urlconf_name) for name in NOT_OURS)


def _all(names: Iterable[str], filled: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict.fromkeys(names, filled)


def of_what_there_is() -> dict[str, dict[str, Any]]:
    """By route, what fills its address: in the 09:12 situation, asked for by Sofia Berg."""
    pending = ApprovalRequest.objects.filter(
        state=State.PENDING, kind="refund", requested_by__email="support@demo.test"
    ).first()
    attempt = Attempt.objects.filter(effect__item__kind="refund").first()
    tried = attempt.effect.item
    ref = {"ref": pending.ref}
    endpoint = Endpoint.objects.first()
    delivery = Delivery.objects.filter(endpoint=endpoint).first()
    draft, trial, proposal = Draft.objects.get(), Trial.objects.get(), Proposal.objects.get()
    handoff = Handoff.objects.order_by("pk").last()
    person = User.objects.get(email="finance1@demo.test")
    policy, request = {"slug": "refunds"}, {"pk": draft.pk}
    cause, system = {"code": "too-many-requests"}, {"slug": "stripe"}
    found: dict[str, dict[str, Any]] = {
        **_all(("request", "resubmit", "approvers", "reveal", "receipt"), ref),
        **_all(("copy_reply", "watch_request"), ref),
        "verb": {**ref, "verb": "note"},
        "attempt": {"ref": tried.ref, "number": attempt.number},
        **_all(("new_details", "new_check"), {"kind": "refund"}),
        **_all(("failure", "watch"), cause),
        "bulk": {**cause, "verb": "hold"},
        "bulk_selected": {"verb": "claim"},
        "runbook": {"slug": "provider-limits"},
        **_all(("hold_system", "resume_system"), system),
        "delete_view": {"number": 1},
        **_all(("end_cover", "end_session"), {"number": 1}),
        **_all(("rotate_token", "revoke_token"), {"prefix": "abcdefgh"}),
        "problem": {"code": "not-found"},
        **{name: {"pk": handoff.pk} for name in HANDOFF},
        "handoff_answer": {"pk": handoff.pk, "number": 1, "choice": "accept"},
        **_all(("webhook", "webhook_edit"), {"pk": endpoint.pk}),
        "webhook_act": {"pk": endpoint.pk, "verb": "disable"},
        **_all(
            ("webhook_delivery", "webhook_replay_one"),
            {"pk": endpoint.pk, "number": delivery.pk},
        ),
        "audit_event": {"pk": Event.objects.filter(stream=pending.stream).first().pk},
        **_all(("policy", "draft_begin", "trial_ask", "policy_move"), policy),
        **_all(("policy_version", "policy_file"), {**policy, "number": 1}),
        **_all(("draft", "draft_file", "rule_add"), {**policy, **request}),
        **_all(("rule", "rule_remove"), {**policy, **request, "number": 1}),
        "rule_move": {**policy, **request, "number": 2, "way": "up"},
        "draft_act": {**policy, **request, "verb": "discard"},
        **_all(("trial", "trial_stop", "trial_rows"), {**policy, "pk": trial.pk}),
        "trial_export": {**policy, "pk": trial.pk},
        "access_change": {"pk": proposal.pk},
        "access_act": {"pk": proposal.pk, "verb": "withdraw"},
        "access_queue": policy,
        "access_who": {**policy, "right": "decide_request"},
        **{name: {"pk": person.memberships.first().group_id} for name in TEAM},
        **{name: {"pk": person.pk} for name in PERSON},
        "seat": {"pk": person.pk, "team": person.memberships.first().group_id},
    }
    return found


HANDOFF = (
    *("handoff", "handoff_save", "handoff_fill", "handoff_send", "handoff_withdraw"),
    *("handoff_accept_all", "handoff_acknowledge"),
)
TEAM = ("team", "ceiling", "team_factor")
PERSON = (
    *("person_access", "seats", "address", "administration", "lost_factor", "end_sessions"),
    "password_link",
)

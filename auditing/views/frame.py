"""What the pages of the record share: who may read them, and how an event is described."""

from datetime import UTC, datetime

from django.http import Http404, HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import Access
from approvals.views.frame import reader
from approvals.wording import visible
from audit.models import Event, Outcome
from auditing import catalogue
from auditing.forms import OUTCOMES
from auditing.rules import may_read_some, may_verify

TONES = {
    Outcome.SUCCESS: "neutral",
    Outcome.DENIED: "failed",
    Outcome.FAILED: "failed",
    Outcome.IN_DOUBT: "unknown",
}
PAGES = {"handoff": "/handoff/{}/", "webhook": "/webhooks/{}/", "request": "/requests/{}/"}


def audit_reader(request: HttpRequest) -> Access:
    """Who reads; for those who see no queue these pages do not exist."""
    person = reader(request)
    if not may_read_some(person):
        raise Http404
    return person


def verifier(request: HttpRequest) -> Access:
    """The same for the checks of the record: people who audit, and administrators."""
    person = reader(request)
    if not may_verify(person):
        raise Http404
    return person


def url_of(event: Event) -> str:
    return f"/audit/events/{event.pk}/"


def to_the_second(at: datetime, now: datetime) -> SafeString:
    """“09:16:02 UTC”, “Wed 25 Nov 09:16:02 UTC” on another day, with the year in another year."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    year = f" {at.year}" if at.year != now.year else ""
    day = f"{at:%a} {at.day} {at:%b}{year} " if at.date() != now.date() else ""
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return format_html('<time datetime="{}">{}{} UTC</time>', stamp, day, f"{at:%H:%M:%S}")


def described(event: Event, now: datetime) -> dict:
    """One event as a row says it."""
    waited = abs((event.recorded_at - event.occurred_at).total_seconds())
    return {
        "url": url_of(event),
        "at": to_the_second(event.recorded_at, now),
        "happened": to_the_second(event.occurred_at, now) if waited >= 60 else "",
        "sentence": catalogue.sentence(event),
        "action": visible(event.action),
        "reason": visible(event.reason),
        "actor": visible(event.actor_label) or visible(event.actor_id),
        "on_behalf_of": visible(event.on_behalf_of),
        "object": object_of(event),
        "object_url": object_url(event),
        "outcome": outcome_of(event),
    }


def outcome_of(event: Event) -> dict:
    return {
        "label": OUTCOMES.get(event.outcome, event.outcome),
        "tone": TONES.get(event.outcome, "neutral"),
    }


def object_of(event: Event) -> str:
    """“RF-2041”, “policy refunds”; of a reading, what was read."""
    if event.target_type == "audit":
        return "the record" if event.target_id == "events" else visible(event.target_id)
    if event.target_type == "request":
        return visible(event.target_id)
    return visible(f"{event.target_type} {event.target_id}")


def object_url(event: Event) -> str:
    """The object's page, where it has one; a refused attempt may name what never was."""
    page = PAGES.get(event.target_type)
    if event.outcome == Outcome.DENIED or page is None:
        return ""
    is_whole = event.target_type == "request" or event.target_id.isdigit()
    return page.format(event.target_id) if is_whole else ""

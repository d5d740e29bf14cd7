"""What a draft and a sent report have in common: their head, and their last three sections."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.utils.dateparse import parse_datetime

from accounts.access import Access
from approvals.models import Policy
from approvals.rules import SEEING
from approvals.wording import visible
from handoffs import filling
from handoffs.models import Handoff, Section
from handoffs.views import frame


def head(shown: Handoff, now: datetime) -> dict:
    """The head of the report, also of a draft."""
    hours = [frame.local_span(shown, person) for person in (shown.sender, shown.receiver)]
    local = [words for words in dict.fromkeys(hours) if words]
    return {
        "number": shown.pk,
        "heading": frame.heading(shown),
        "status": frame.status(shown, now),
        "sentence": frame.sentence(shown, now),
        "sent_at": shown.sent_at,
        "filled_at": shown.filled_at,
        "facts": [
            {"label": "From", "value": f"{visible(shown.sender.name)} ({shown.sender.place})"},
            {
                "label": "To",
                "value": f"{visible(shown.receiver.name)} ({shown.receiver.place})",
            },
            {"label": "Shift", "value": "; ".join([frame.span(shown, now), *local])},
        ],
    }


def ending(shown: Handoff, person: Access) -> dict:
    """The last three sections, as far as they are for this reader."""
    since, until = (_iso(at) for at in (shown.shift_from, shown.covers_until))
    query = {"view": "all", "state": "done", "done_from": since, "done_before": until}
    return {
        "changed": _changed(shown, person),
        "done": {
            "count": filling.done_in(shown, person).count(),
            "url": f"/queue/?{urlencode(query)}",
        },
        "note": visible(shown.note),
        "nones": shown.nones,
    }


def number_of(section: Section) -> int:
    return list(Section).index(section) + 1


def _changed(shown: Handoff, person: Access) -> list[dict]:
    """Policies are shown to who sees a queue of theirs."""
    slugs = [change["policy"] for change in shown.changed if change["policy"]]
    mine = Policy.objects.filter(slug__in=slugs, queues__in=person.queues_with(*SEEING))
    seen = {"", *(mine.values_list("slug", flat=True) if slugs else ())}
    return [
        {
            "at": parse_datetime(change["at"]),
            "sentence": visible(change["sentence"]),
            "by": visible(change["by"]),
        }
        for change in shown.changed
        if change["policy"] in seen
    ]


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""Whom a change of access tells: who can accept it, then who asked for it. Nothing here writes.

Nobody accepts what they asked for themselves, also not from a second account, so they are not told of it.
"""

from collections.abc import Iterable, Iterator

from accounts.models import User
from approvals.wording import short_name
from audit.models import Event
from notifications.models import Topic
from notifications.telling import Telling
from rights.models import Proposal

ENDS = {"access.refuse": "refused", "access.withdraw": ""}  # all others carry it out


def of_events(events: Iterable[Event]) -> list[Telling]:
    found = [event for event in events if _is_of_a_proposal(event)]
    wanted = {event.facts["proposal"] for event in found}
    proposals = Proposal.objects.select_related("asked_by").in_bulk(wanted) if found else {}
    return [
        telling
        for event in found
        for telling in _tellings(event, proposals[event.facts["proposal"]])
    ]


def _is_of_a_proposal(event: Event) -> bool:
    """What was refused does not name one: nothing came of it."""
    return event.action.startswith("access.") and "proposal" in event.facts


def _tellings(event: Event, proposal: Proposal) -> Iterator[Telling]:
    who, url = short_name(event.actor_label), f"/access/changes/{proposal.pk}/"
    when = event.occurred_at
    if event.action == "access.propose":
        words = f"{who} asked for a change of access, which another administrator has to accept."
        for user_id in _others(proposal.asked_by):
            mark = f"event/{event.pk}"
            yield Telling(user_id, Topic.DECISIONS, mark, words, url, happened_at=when)
    elif what := ENDS.get(event.action, "accepted"):
        words = f"{who} {what} the change of access that you asked for."
        mark = f"access/{proposal.pk}"  # one change may be many events
        yield Telling(proposal.asked_by_id, Topic.MINE, mark, words, url, happened_at=when)


def _others(person: User) -> list[int]:
    found = User.objects.filter(is_staff=True, is_active=True, is_service=False)
    return list(found.exclude(person_key=person.person_key).values_list("pk", flat=True))

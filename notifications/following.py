"""Following the feed: what happened tells people, each event once, none left out.

The place in the feed and the notices commit together. Who dies in the middle leaves the place where
it was. The feed tells only events that are settled (`audit.feed`).
"""

from datetime import datetime

from django.db import transaction

from audit import feed
from audit.models import Event
from notifications import access_changes, letters, sign_ins, telling
from notifications.models import Follower
from notifications.notices import tell

AT_ONCE = 200
MOST_BATCHES = 20  # in one run
UNTOLD = ("row", "private_row", "changes", "context")  # no sentence speaks of them


def run(*, at: datetime) -> None:
    """Go on to the end of the feed."""
    for _ in range(MOST_BATCHES):
        if _advance(at) < AT_ONCE:
            break


def _advance(at: datetime) -> int:
    """One batch; how many events were read. Another worker that follows now makes it none."""
    with transaction.atomic():
        follower = Follower.objects.select_for_update(skip_locked=True).first()
        if follower is None:
            return 0
        events = list(feed.after(follower.place).defer(*UNTOLD)[:AT_ONCE])
        if not events:
            return 0
        tell_of(events, at=at)
        follower.place = feed.Place.of(events[-1])
        follower.save()
        return len(events)


def tell_of(events: list[Event], *, at: datetime) -> None:
    """Tell whom these events concern, as things stand at `at`."""
    told = [
        *telling.of_events(events, at),
        *access_changes.of_events(events),
        *sign_ins.of_events(events),
    ]
    tell(told, at=at)
    for user, address, sentence in sign_ins.of_old_addresses(events):
        letters.write_to_old_address(user, address, sentence, at=at)

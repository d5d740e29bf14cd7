"""Whom a change of how somebody signs in tells: themselves, whoever made it. Nothing here writes.

Told of one's own acts, too: whoever took an account over acts in its name.
"""

from collections.abc import Iterable, Mapping

from accounts.models import User
from audit.models import Event, Outcome
from notifications.models import Topic
from notifications.telling import Telling

NOT_YOU = "If it was not you, tell an administrator at once."
WRONG_TRIES = 3  # before a sign-in, that make it worth a word

SENTENCES: Mapping[str, str] = {
    "person.change_password": "Your password was changed.",
    "person.reset_password": "Your password was renewed by a link in a mail.",
    "person.add_factor": "A second factor of yours was set up.",
    "person.remove_factor": "A second factor of yours was removed.",
    "person.make_codes": "New recovery codes were made for your account.",
    "person.connect": "Your account was connected with single sign-on.",
    "person.disconnect": "Your account is no longer connected with single sign-on.",
    "access.send_link": "A link to choose a new password was made for you.",
    "access.reset_factor": "Your second factor was taken away, as lost.",
    "access.change_address": "You sign in with another address from now on.",
}


def of_events(events: Iterable[Event]) -> list[Telling]:
    return [telling for event in events if (telling := _telling(event)) is not None]


def _telling(event: Event) -> Telling | None:
    sentence = _sentence(event)
    if sentence is None or not event.target_id.isdigit():
        return None
    return Telling(
        user_id=int(event.target_id),
        topic=Topic.ACCOUNT,
        mark=f"event/{event.pk}",
        sentence=f"{sentence} {NOT_YOU}",
        url="/me/",
        is_urgent=True,
        happened_at=event.occurred_at,
    )


def _sentence(event: Event) -> str | None:
    if event.outcome == Outcome.DENIED:
        # Told once for so many, and never for more: whoever guesses on fills nobody's inbox.
        is_third = event.facts.get("tries") == WRONG_TRIES
        wrong = f"Somebody who knows your password typed {WRONG_TRIES} wrong codes."
        return wrong if event.action == "person.second_factor" and is_third else None
    if event.action == "person.sign_in":
        tries = event.facts.get("wrong_before", 0)
        after = f"Somebody signed in as you after {tries} wrong passwords or codes."
        return after if tries >= WRONG_TRIES else None
    return SENTENCES.get(event.action)


def of_old_addresses(events: Iterable[Event]) -> list[tuple[User, str, str]]:
    """For each change of an address: whose it was, what it was until then, what is written there."""
    changed = [
        (int(event.target_id), event.facts["was"])
        for event in events
        if event.action == "access.change_address"
        and event.outcome == Outcome.SUCCESS
        and event.facts.get("was")
    ]
    if not changed:
        return []
    people = User.objects.filter(is_active=True).in_bulk({user_id for user_id, _ in changed})
    words = f"You no longer sign in with this address, but with another. {NOT_YOU}"
    return [(people[user_id], was, words) for user_id, was in changed if user_id in people]

"""What the tests of the audit pages read from an answer, and the events that they begin with."""

import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import unquote

from django.db import transaction

from audit import chain
from audit.models import Event
from audit.recorder import Actor, Target, record

SOMEBODY = Actor(type="person", id="77", label="Somebody")
THEMSELF = Target("person", "77")


def listed(response) -> list[int]:
    """The ids of the events of a page, in its order."""
    assert response.status_code == 200, response.status_code
    row = r'scope="row"><span class="stack"><a href="/audit/events/(\d+)/"'
    return [int(pk) for pk in re.findall(row, response.content.decode())]


def actions(response) -> list[str]:
    by_id = dict(Event.objects.values_list("pk", "action"))
    return [by_id[pk] for pk in listed(response)]


def cursor_in(response) -> str:
    found = re.search(r'href="[^"]*cursor=([^"&]+)[^"]*" rel="next"', response.content.decode())
    return unquote(found[1]) if found else ""


def tell(
    at: datetime,
    *,
    action: str = "person.settings",
    stream: str = "person/x",
    target: Target = THEMSELF,
    actor: Actor = SOMEBODY,
    **said,
) -> Event:
    with transaction.atomic():
        return record(stream=stream, action=action, actor=actor, target=target, at=at, **said)


def reads(found: Iterable[Event]) -> list[dict]:
    return [event.facts for event in found]


def event_of(line: dict) -> Event:
    """The event that a line of JSON Lines was made of, as far as its hash covers it."""
    return Event(
        **{
            name: datetime.fromisoformat(value) if name.endswith("_at") else value
            for name, value in line.items()
        }
    )


def hash_of(line: dict) -> str:
    """Computed from the line alone."""
    return chain.link(bytes.fromhex(line["prev_hash"]), event_of(line)).hex()

"""Reading the record is an event, too: T4.11. Once for a reader, what they read, and ten minutes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.models import ApprovalRequest
from audit.models import Event
from auditing import searching
from tests.auditing.common import cursor_in, tell

pytestmark = pytest.mark.usefixtures("db")


def reads() -> list[dict]:
    return list(
        Event.objects.filter(action="audit.read").order_by("pk").values_list("facts", flat=True)
    )


def test_reading_the_list_is_recorded_with_its_filters_in_the_readers_stream(cast, as_):
    as_("auditor").get("/audit/?outcome=denied&object=rf-1&who=")
    event = Event.objects.get(action="audit.read")
    assert event.stream == f"person/{cast.auditor.person_key}"
    assert event.facts == {"filters": {"outcome": "denied", "object": "rf-1"}}
    assert (event.actor_id, event.outcome) == (str(cast.auditor.pk), "success")


def test_reading_one_event_is_recorded_with_its_place(cast, as_):
    event = tell(cast.now)
    as_("auditor").get(f"/audit/events/{event.pk}/")
    assert reads() == [{"event": f"{event.stream}#{event.seq}"}]


def test_the_same_again_and_paging_on_are_the_same_reading(cast, as_, monkeypatch):
    monkeypatch.setattr(searching, "PAGE", 2)
    for _ in range(5):
        tell(cast.now)
    client = as_("auditor")
    first = client.get("/audit/?what=person.settings")
    client.get("/audit/?what=person.settings")
    client.get("/audit/", {"what": "person.settings", "cursor": cursor_in(first)})
    assert reads() == [{"filters": {"what": "person.settings"}}]


def test_another_filter_another_person_and_another_event_are_readings_of_their_own(cast, as_):
    event = tell(cast.now)
    for client in (as_("auditor"), as_("operator")):
        client.get("/audit/")
        client.get("/audit/?outcome=failed")
    as_("auditor").get(f"/audit/events/{event.pk}/")
    assert len(reads()) == 5


def test_ten_minutes_later_it_is_a_new_reading(cast, as_, monkeypatch):
    client = as_("auditor")
    client.get("/audit/")
    began = timezone.now()
    for later, count in ((timedelta(minutes=9, seconds=59), 1), (timedelta(minutes=10), 2)):
        monkeypatch.setattr(timezone, "now", lambda later=later: began + later)
        client.get("/audit/")
        assert len(reads()) == count


def test_nothing_else_is_written_by_a_get(cast, as_):
    item = cast.ask()
    row = ApprovalRequest.objects.filter(pk=item.pk).values().get()
    client = as_("auditor")
    before = Event.objects.count()
    client.get("/audit/")
    assert Event.objects.count() == before + 1
    assert ApprovalRequest.objects.filter(pk=item.pk).values().get() == row


def test_without_its_record_nothing_is_shown(cast, as_, monkeypatch):
    def fail(**_):
        raise RuntimeError("The disk is full.")

    client = as_("auditor")
    client.raise_request_exception = False
    monkeypatch.setattr("auditing.commands.reading.record", fail)
    assert client.get("/audit/").status_code == 500


@pytest.mark.parametrize("query", ["?outcome=maybe", "?cursor=x", "?who=nobody"])
def test_what_shows_nothing_is_no_reading(as_, query):
    as_("auditor").get(f"/audit/{query}")
    assert reads() == []


def test_what_was_read_can_be_read(cast, as_):
    """T4.11 the other way round: another auditor sees who looked for what."""
    as_("auditor").get("/audit/?object=RF-1")
    page = as_("admin").get("/audit/?what=audit.read").content.decode()
    assert "The record was read" in page
    assert cast.auditor.name in page

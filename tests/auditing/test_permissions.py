"""Who reads which events: the list, one event and the file follow one rule."""

import json

import pytest
from django.test import Client

from accounts import grants
from accounts.models import User
from approvals.commands import decide
from approvals.models import Queue
from approvals.refusals import NotAllowed
from audit.models import Event
from auditing import rules
from tests.approvals.common import refused_on
from tests.auditing.common import listed, tell

pytestmark = pytest.mark.usefixtures("db")
FULL = ["auditor", "admin", "superuser"]
PART = ["operator", "approver", "limited_approver", "second_operator"]
NOT = ["requester", "stranger"]


@pytest.fixture
def record(cast) -> dict[str, Event]:
    """A refund, an account change, a refused attempt at the refund, and what is about no request."""
    refund, change = cast.ask(), cast.ask_for_account_change()
    refused_on(
        NotAllowed,
        refund,
        decide.approve,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=refund.revision,
        step=refund.step,
    )
    return {
        "refund": Event.objects.get(stream=refund.stream),
        "change": Event.objects.get(stream=change.stream),
        "refused": Event.objects.get(outcome="denied"),
        "settings": tell(cast.now),
        "policy": Event.objects.filter(action="policy.load").first(),
    }


def readable(client: Client, record: dict[str, Event]) -> set[str]:
    """What this person sees, by the list, the details and the file, which must be one."""
    by_id = {event.pk: name for name, event in record.items()}
    in_list = {by_id[pk] for pk in listed(client.get("/audit/")) if pk in by_id}
    one = {
        name
        for name, event in record.items()
        if client.get(f"/audit/events/{event.pk}/").status_code == 200
    }
    answer = client.post("/audit/export/", {"format": "jsonl"})
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    places = {(line["stream"], line["seq"]) for line in lines}
    in_file = {name for name, event in record.items() if (event.stream, event.seq) in places}
    assert in_list == one == in_file
    return one


@pytest.mark.parametrize("who", FULL)
def test_who_audits_every_queue_or_administers_reads_everything(as_, record, who):
    assert readable(as_(who), record) == set(record)


@pytest.mark.parametrize("who", ["operator", "second_operator"])
def test_who_sees_both_queues_reads_what_happened_to_their_requests(as_, record, who):
    assert readable(as_(who), record) == {"refund", "change"}


def test_who_sees_one_queue_reads_of_that(client_of, record, sees_refunds):
    assert readable(client_of(sees_refunds), record) == {"refund"}


def test_who_audits_one_queue_reads_what_was_refused_there_and_nothing_general(
    client_of, record, audits_refunds
):
    assert readable(client_of(audits_refunds), record) == {"refund", "refused"}


def test_a_queue_that_is_new_is_not_audited_by_who_audited_all(as_, record):
    client = as_("auditor")
    assert "settings" in readable(client, record)
    queue = Queue.objects.first()
    Queue.objects.create(slug="new", name="New", kinds=["manual"], policy=queue.policy)
    assert "settings" not in readable(client, record)


@pytest.mark.parametrize("who", NOT)
def test_for_people_who_see_no_queue_the_pages_do_not_exist(as_, record, who):
    client, before = as_(who), Event.objects.count()
    pages = ["/audit/", "/audit/catalogue/", "/audit/verify/"]
    for address in [*pages, *(f"/audit/events/{one.pk}/" for one in record.values())]:
        assert client.get(address).status_code == 404, address
    for address in ("/audit/export/", "/audit/verify/check/"):
        body = {"format": "csv", "idempotency_key": "K"}
        assert client.post(address, body).status_code == 404, address
    assert Event.objects.count() == before
    assert b'href="/audit/"' not in client.get("/me/").content


@pytest.mark.parametrize("who", PART)
def test_verification_is_for_who_audits_or_administers(as_, who):
    client = as_(who)
    assert client.get("/audit/verify/").status_code == 404
    assert client.post("/audit/verify/check/", {"idempotency_key": "K"}).status_code == 404
    assert b"/audit/verify/" not in client.get("/audit/").content


@pytest.mark.parametrize("who", FULL)
def test_who_audits_or_administers_verifies(as_, who):
    assert as_(who).get("/audit/verify/").status_code == 200


def test_what_is_not_there_and_what_may_not_be_seen_are_the_same_page(as_, record):
    client = as_("operator")
    foreign = client.get(f"/audit/events/{record['settings'].pk}/")
    for missing in (999999, 0, 2**63, 10**30):
        answer = client.get(f"/audit/events/{missing}/")
        assert (answer.status_code, foreign.status_code) == (404, 404)
        assert len(answer.content) - len(str(missing)) == pytest.approx(
            len(foreign.content) - len(str(record["settings"].pk)), abs=80
        )


def test_a_program_reads_nothing(cast):
    program = User.objects.get(email="webshop@demo.test")
    grants.give("audit_queue", to=program, on=Queue.objects.first())
    person = cast.access(program)
    assert not rules.may_read_some(person)
    assert not rules.may_verify(person)
    assert not Event.objects.filter(rules.readable_by(person)).exists()


@pytest.mark.parametrize("path", ["", "verify/", "catalogue/", "events/1/"])
def test_signed_out_people_are_asked_to_sign_in(path):
    assert Client().get(f"/audit/{path}").status_code == 302


@pytest.mark.parametrize("path", ["export/", "verify/check/"])
def test_a_form_from_another_site_or_without_a_sign_in_does_nothing(cast, path):
    before = Event.objects.count()
    assert Client().post(f"/audit/{path}", {"format": "csv"}).status_code in (302, 401, 403)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.auditor)
    signed_in = Event.objects.count()
    assert client.post(f"/audit/{path}", {"format": "csv"}).status_code == 403
    assert Event.objects.count() == signed_in > before


@pytest.mark.parametrize("path", ["", "verify/", "catalogue/"])
def test_pages_take_no_post_and_commands_no_get(as_, path):
    assert as_("auditor").post(f"/audit/{path}").status_code == 405
    assert as_("auditor").get("/audit/export/").status_code == 405
    assert as_("auditor").get("/audit/verify/check/").status_code == 405


def test_the_auditor_begins_at_the_record(as_):
    assert as_("auditor").get("/")["Location"] == "/audit/"
    assert as_("operator").get("/")["Location"] == "/queue/?view=stuck"


@pytest.mark.parametrize("who", [*FULL, *PART])
def test_the_navigation_leads_to_it(as_, who):
    assert as_(who).get("/me/").content.decode().count('href="/audit/"') == 2  # wide and narrow

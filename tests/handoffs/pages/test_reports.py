"""The pages of handoffs: who sees what, and what they say."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import grants
from approvals.commands import operate, submit
from approvals.models import ApprovalRequest, Queue
from audit.models import Event
from handoffs import queries
from handoffs.models import Choice, Handoff, Line
from handoffs.views.report import SENTENCES
from tests.approvals.common import jobs
from tests.approvals.pages.common import queries_of, text
from tests.handoffs.common import answer, line_of, send, start, typed
from tests.handoffs.pages.common import base, plain

pytestmark = pytest.mark.usefixtures("db")
READERS = ["operator", "second_operator", "approver", "limited_approver", "auditor"]
OTHERS = ["requester", "superuser", "stranger"]


def addresses(handoff: Handoff) -> list[str]:
    line = handoff.lines.first()
    lines = [f"{base(handoff)}lines/{line.pk}/{choice}/" for choice in Choice.values]
    return [base(handoff), *lines, *(f"{base(handoff)}{v}/" for v in ("withdraw", "accept-all"))]


@pytest.mark.parametrize("who", OTHERS)
def test_for_who_sees_no_queue_the_pages_do_not_exist(as_, sent, who):
    client = as_(who)
    for path in ["/handoff/", "/handoff/new/", *addresses(sent)]:
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code in (404, 405), path
    assert 'href="/handoff/"' not in text(client.get("/me/"))


@pytest.mark.parametrize("who", READERS)
def test_who_sees_the_queues_reads_it_and_finds_it_in_the_navigation(as_, sent, who):
    client = as_(who)
    assert client.get(base(sent)).status_code == 200
    page = text(client.get("/handoff/"))
    assert base(sent) in page
    assert '<a href="/handoff/" aria-current="page">Handoff</a>' in page


@pytest.mark.parametrize("who", [who for who in READERS if who != "operator"])
def test_a_draft_is_only_its_senders(as_, draft, who):
    client = as_(who)
    for path in addresses(draft):
        assert client.get(path).status_code == 404, path
    for verb in ("save", "fill", "send"):
        assert client.post(f"{base(draft)}{verb}/", {"idempotency_key": "K"}).status_code == 404
    assert base(draft) not in text(client.get("/handoff/"))
    draft.refresh_from_db()
    assert draft.version == 1


@pytest.mark.parametrize("who", ["approver", "auditor"])
def test_readers_are_offered_nothing_and_can_do_nothing(as_, sent, who):
    client = as_(who)
    page = text(client.get(base(sent)))
    assert "/accept/" not in page
    assert "withdraw" not in page
    assert client.get("/handoff/new/").status_code == 404
    for path in addresses(sent)[1:]:
        assert client.post(path, {"idempotency_key": "K"}).status_code in (403, 404)
    assert not Line.objects.exclude(answer="").exists()


def test_everybody_sees_only_requests_that_they_may_see(cast, as_, morning):
    change = cast.ask_for_account_change()
    sent = send(cast, start(cast))
    assert change.ref in text(as_("second_operator").get(base(sent)))
    answer(cast, sent, change, "question", text="For whom?")
    changes = Queue.objects.get(slug="account-changes")
    for right in ("view_queue", "decide_request"):
        grants.take(right, of=cast.approver.groups.get(), on=changes)
    page = text(as_("approver").get(base(sent)))
    assert morning.people.ref in page
    assert change.ref not in page
    assert "For whom?" not in page
    assert "the part of it that is about queues you can see" in page


def test_a_policy_that_changed_is_shown_to_who_sees_a_queue_of_it(cast, as_, draft):
    for slug in ("refunds", "account-changes"):
        change = {
            "at": cast.now.isoformat(),
            "sentence": f"Policy {slug}",
            "by": "A",
            "policy": slug,
        }
        draft.changed.append(change)
    draft.version = 2
    draft.save()
    sent = send(cast, draft)
    grants.take(
        "view_queue", of=cast.approver.groups.get(), on=Queue.objects.get(slug="account-changes")
    )
    page = text(as_("approver").get(base(sent)))
    assert "Policy refunds" in page
    assert "Policy account-changes" not in page


def test_reading_changes_nothing(cast, as_, sent, draft):
    def everything() -> tuple:
        return (
            list(Handoff.objects.order_by("pk").values()),
            list(Line.objects.order_by("pk").values()),
            Event.objects.count(),
            jobs(),
        )

    clients = [as_(who) for who in READERS]
    before = everything()
    for client in clients:
        for path in ["/handoff/", "/handoff/new/", *addresses(sent), *addresses(draft)]:
            assert client.get(path).status_code < 500
    assert everything() == before


def test_a_form_from_another_site_changes_nothing(cast, sent, draft):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.second_operator)
    for path in ["/handoff/new/", *addresses(sent)[1:], f"{base(draft)}send/"]:
        assert client.post(path, {"idempotency_key": "K"}).status_code == 403
    assert Handoff.objects.get(pk=sent.pk).version == sent.version


def test_the_page_shows_what_was_then_beside_what_is_now(cast, as_, sent, morning, provider):
    submit.withdraw(
        ref=morning.people.ref,
        by=cast.requester,
        at=cast.now + timedelta(minutes=2),
        key=cast.key(),
        reason="Found.",
    )
    page = text(as_("auditor").get(base(sent)))
    row = page.partition(f'id="line-{line_of(sent, morning.people).pk}"')[2].partition("</tr>")[0]
    words = " ".join(re.sub(r"<[^>]*>", " ", row).split())
    assert "Then Waiting for Finance" in words
    assert "Now Withdrawn 09:14 UTC" in words
    assert words.endswith("No answer yet")
    same = page.partition(f'id="line-{line_of(sent, morning.held).pk}"')[2].partition("</tr>")[0]
    assert "The same" in same


def test_shift_and_people_are_named_with_their_own_times(as_, sent):
    page = plain(as_("auditor").get(base(sent)))
    assert "Eleni Markou (Athens)" in page
    assert "Mercy Okafor (London)" in page
    assert "01:12 to 09:30 UTC; 03:12 to 11:30 Athens" in page


def test_who_is_late_and_whom_to_speak_to_is_said_on_page_and_list(cast, as_, sent, monkeypatch):
    late = sent.shift_to + timedelta(minutes=30)
    monkeypatch.setattr(timezone, "now", lambda: late)
    words = "Speak to Eleni Markou, lead of Operations."
    assert words in plain(as_("auditor").get(base(sent)))
    for who in ("auditor", "second_operator"):
        listed = plain(as_(who).get("/handoff/"))
        assert words in listed
        assert "Late" in listed


def test_the_count_of_what_was_done_is_what_its_link_lists(cast, as_, provider):
    for _ in range(3):
        cast.run(cast.approve(cast.ask(), at=cast.now - timedelta(hours=1)), at=cast.now)
    cast.run(
        cast.approve(cast.ask(), at=cast.now - timedelta(hours=9)), at=cast.now - timedelta(hours=9)
    )
    client = as_("operator")
    page = text(client.get(base(start(cast))))
    found = re.search(r'href="(/queue/\?[^"]*)">See the (\d+) done', page)
    listed = client.get(found[1].replace("&amp;", "&"))
    assert int(found[2]) == 3
    assert text(listed).count('id="row-') == 3


def test_each_list_has_its_handoffs(cast, as_, sent, draft):
    other = start(cast)
    mine = text(as_("operator").get("/handoff/"))
    assert base(other) in mine.partition('id="drafts"')[2].partition('id="history"')[0]
    assert base(sent) in mine.partition('id="history"')[2]
    theirs = text(as_("second_operator").get("/handoff/"))
    assert base(sent) in theirs.partition('id="waiting"')[2].partition('id="drafts"')[0]
    assert base(sent) not in theirs.partition('id="history"')[2]


def test_the_history_goes_on_over_pages(cast, as_, morning, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    all_of_them = [send(cast, start(cast)).pk for _ in range(5)]
    client, path, seen = as_("auditor"), "/handoff/", []
    while path:
        page = text(client.get(path))
        seen += [int(pk) for pk in re.findall(r'<a href="/handoff/(\d+)/">', page)]
        following = re.search(r'href="([^"]*)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == all_of_them[::-1]
    assert client.get("/handoff/?cursor=forged").status_code == 400


def test_what_people_typed_is_shown_as_text(cast, as_, draft):
    note = "<script>alert(1)</script>"
    sent = send(cast, draft, typed=typed(draft, note=note))
    page = text(as_("auditor").get(base(sent)))
    assert note not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_asks_as_much_with_40_requests_as_with_4(cast, as_, sent):
    client = as_("second_operator")
    few = queries_of(client, base(sent))
    for _ in range(36):
        cast.ask()
    many = send(cast, start(cast))
    assert many.lines.count() == 40
    assert queries_of(client, base(many)) == few <= 30
    assert queries_of(client, "/handoff/") <= 16


def test_every_action_has_a_sentence(cast, as_, sent, morning):
    answer(cast, sent, morning.people)
    recorded = set(Event.objects.filter(stream=sent.stream).values_list("action", flat=True))
    assert recorded <= set(SENTENCES)
    assert f"{morning.people.ref}: accepted" in plain(as_("auditor").get(base(sent)))


def test_accepting_does_not_need_the_request_to_be_free(cast, as_, sent, morning):
    operate.claim(ref=morning.people.ref, by=cast.operator, at=cast.now, key=cast.key())
    answer(cast, sent, morning.people)
    assert ApprovalRequest.objects.get(pk=morning.people.pk).owner == cast.second_operator

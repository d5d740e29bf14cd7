"""The pages of handoffs: complete without JavaScript, safe to send twice, and only for who may see it."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import grants
from accounts.models import Team
from approvals.commands import operate, submit
from approvals.models import ApprovalRequest, Queue
from audit.models import Event
from handoffs import queries
from handoffs.models import Choice, Handoff, Line, Section
from handoffs.views.report import SENTENCES
from tests.approvals.common import jobs
from tests.approvals.pages.common import hidden, queries_of, text
from tests.handoffs.common import ALL_NONES, answer, line_of, send, start, typed

pytestmark = pytest.mark.usefixtures("db")
READERS = ["operator", "second_operator", "approver", "limited_approver", "auditor"]
OTHERS = ["requester", "admin", "stranger"]


@pytest.fixture(autouse=True)
def quarter_past_nine(monkeypatch, now) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=3))


def base(handoff: Handoff) -> str:
    return f"/handoff/{handoff.pk}/"


def plain(page) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", text(page).partition("<main")[2]).split())


def form_of(page, **changes: str) -> dict[str, str]:
    """What a browser would send of the draft's form."""
    content = text(page)
    found = {name: hidden(page, name) for name in ("idempotency_key", "version")}
    for name in re.findall(r'name="((?:next|if)_\d+)"', content):
        shown = content.partition(f'name="{name}"')[2].partition("</textarea>")[0]
        found[name] = html.unescape(shown.partition(">")[2].removeprefix("\n"))
    for name in re.findall(r'<select name="(to_\d+)"', content):
        options = content.partition(f'<select name="{name}"')[2].partition("</select>")[0]
        found[name] = re.search(r'value="(\d+)" selected', options)[1]
    for name in re.findall(r'name="(none_\w+)"', content):
        found[name] = "on"
    return {**found, "note": "", **changes}


# --- Who sees what --------------------------------------------------------------------------------------


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


# --- Starting and drafting -----------------------------------------------------------------------------


def start_form(cast, **changes: str) -> dict:
    return {
        "idempotency_key": "K",
        "team": Team.objects.get(name="Operations").pk,
        "to": cast.second_operator.pk,
        "shift_from": "2026-11-24T01:00",
        "shift_to": "2026-11-24T09:30",
        **changes,
    }


def test_a_handoff_is_started_once_and_filled_in(cast, as_, morning):
    client = as_("operator")
    first = client.post("/handoff/new/", start_form(cast))
    second = client.post("/handoff/new/", start_form(cast))
    draft = Handoff.objects.get()
    assert first["Location"] == second["Location"] == base(draft)
    assert f"{draft.shift_from:%H:%M} {draft.shift_to:%H:%M}" == "01:00 09:30"
    page = text(client.get(base(draft)))
    for item in vars(morning).values():
        assert item.ref in page
    assert "Send for acceptance" in page


def test_the_form_names_the_zone_and_the_readers_own_time(cast, as_):
    page = plain(as_("operator").get("/handoff/new/"))
    assert "Your shift from (UTC)" in page
    assert "It is 09:15 UTC now, 11:15 in Athens." in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"to": ""}, "Choose to whom."),
        ({"to": "999999"}, "Select a valid choice"),
        ({"to": "x' OR 1=1"}, "Select a valid choice"),
        ({"team": ""}, "Choose the from team."),
        ({"shift_from": ""}, "Enter when your shift began."),
        ({"shift_to": "yesterday"}, "Enter a day and a time in UTC."),
        ({"shift_to": "2026-11-24T00:30"}, "The shift must end after it begins."),
        ({"shift_from": "2026-11-22T01:00"}, "A shift can have 24 hours at most."),
        ({"shift_from": "9999-12-31T01:00", "shift_to": "9999-12-31T02:00"}, "within a day of now"),
        ({"shift_from": "0001-01-01T00:00"}, "A shift can have 24 hours at most."),
        ({"to": "\x00"}, ""),
    ],
)
def test_what_cannot_be_is_said_at_its_field(cast, as_, changes, sentence):
    page = as_("operator").post("/handoff/new/", start_form(cast, **changes))
    assert page.status_code in (400, 422)
    assert sentence in plain(page)
    assert not Handoff.objects.exists()


def test_a_form_without_a_key_starts_nothing(cast, as_):
    form = start_form(cast)
    del form["idempotency_key"]
    assert as_("operator").post("/handoff/new/", form).status_code == 400
    assert not Handoff.objects.exists()


def test_an_empty_section_is_named_in_the_error_summary_and_what_was_typed_stays(as_, draft):
    client = as_("operator")
    form = form_of(client.get(base(draft)), note="")
    for section in ("changed", "done"):
        del form[f"none_{section}"]
    line = draft.lines.get(section="risky")
    form[f"next_{line.pk}"] = "Ask their <b>support</b>."
    page = client.post(f"{base(draft)}send/", form)
    assert page.status_code == 422
    summary = text(page).partition('class="error-summary"')[2].partition("</div>")[0]
    for section in (Section.CHANGED, Section.DONE):
        assert f'href="#id_none_{section.value}"' in summary
        assert f"“{section.label}” is empty." in summary
    assert "Note" not in summary
    assert "<title>Error: Handoff:" in text(page)
    assert "Ask their &lt;b&gt;support&lt;/b&gt;." in text(page)
    assert hidden(page, "idempotency_key") == form["idempotency_key"]
    assert client.post(f"{base(draft)}send/", {**form, "none_changed": "on", "none_done": "on"})
    draft.refresh_from_db()
    assert draft.state == "sent"


def test_a_draft_is_saved_filled_in_again_and_sent_from_one_form(cast, as_, draft, morning):
    client = as_("operator")
    fresh = cast.ask()
    page = client.get(base(draft))
    assert "Since it was filled in, 1 request came, went or moved" in plain(page)
    line = draft.lines.get(section="risky")
    form = form_of(page, note="Call Jo.")
    form[f"to_{line.pk}"] = str(cast.operator.pk)
    for verb, words in (("save", "is saved"), ("fill", "filled in as things stand now")):
        form["idempotency_key"] = f"K-{verb}"
        answered = client.post(f"{base(draft)}{verb}/", form, follow=True)
        assert words in plain(answered)
        form = form_of(answered, note="Call Jo.")
    assert fresh.ref in text(answered)
    assert "Since it was filled in" not in text(answered)
    sent = client.post(f"{base(draft)}send/", form, follow=True)
    assert "Sent to M. Okafor, who answers each request." in plain(sent)
    assert "Call Jo." in plain(sent)
    assert line_of(draft, morning.risky).to == cast.operator


@pytest.mark.parametrize("verb", ["save", "fill", "send"])
def test_a_double_click_is_carried_out_once(as_, draft, verb):
    client = as_("operator")
    form = form_of(client.get(base(draft)))
    first = client.post(f"{base(draft)}{verb}/", form)
    second = client.post(f"{base(draft)}{verb}/", form, follow=True)
    assert first.status_code == 302
    assert "Already recorded" in plain(second)
    draft.refresh_from_db()
    assert draft.version == 2


def test_a_stale_draft_is_a_conflict_that_keeps_the_note(as_, draft):
    client = as_("operator")
    form = form_of(client.get(base(draft)), note="Mine")
    client.post(f"{base(draft)}save/", {**form, "idempotency_key": "K1"})
    page = client.post(f"{base(draft)}send/", {**form, "idempotency_key": "K2"})
    assert page.status_code == 409
    assert "changed while you were reading. Nothing was recorded." in plain(page)
    assert "Mine" in text(page)


@pytest.mark.parametrize(
    "changes",
    [
        {"next_99999999": "x"},
        {"next_1": "x", "to_1": "nobody"},
        {"note": "x" * 2001},
        {"none_nowhere": "on"},
        {"version": "99999"},
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(as_, draft, changes):
    client = as_("operator")
    form = form_of(client.get(base(draft)), **changes)
    assert client.post(f"{base(draft)}save/", form).status_code in (409, 422)
    draft.refresh_from_db()
    assert draft.version == 1


# --- Answering ------------------------------------------------------------------------------------------


def test_the_receiver_answers_line_by_line(cast, as_, sent, morning):
    client = as_("second_operator")
    page = text(client.get(base(sent)))
    answers = [(morning.people, "accept", ""), (morning.risky, "question", "Who?")]
    answers += [(morning.held, "cannot", "I am alone.")]
    for number, (item, choice, words) in enumerate(answers):
        path = f"{base(sent)}lines/{line_of(sent, item).pk}/{choice}/"
        assert path in page
        form = {"idempotency_key": f"K{number}", "reason": words}
        assert client.post(path, form)["Location"] == base(sent)
    shown = plain(client.get(base(sent)))
    assert "3 of 4 answered." in shown
    assert f"Accepted 09:15 UTC by M. Okafor. {cast.second_operator.name} owns it now." in shown
    assert "Accepted with a question" in shown
    assert "Who?" in shown
    assert "I am alone." in shown
    assert [cast.get(item.ref).owner for item, *_ in answers] == [
        cast.second_operator,
        cast.second_operator,
        None,
    ]


@pytest.mark.parametrize("choice", Choice.values)
def test_each_answer_has_a_page_that_says_what_it_does(cast, as_, sent, morning, choice):
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}/{choice}/"
    page = as_("second_operator").get(path)
    assert "An answer is final." in plain(page)
    assert morning.people.ref in plain(page)
    assert 'name="reason"' in text(page) or choice == "accept"


@pytest.mark.parametrize(
    ("choice", "sentence"), [("question", "Write your question."), ("cannot", "Say why you cannot")]
)
def test_a_missing_reason_is_said_at_its_field(as_, sent, morning, choice, sentence):
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}/{choice}/"
    for words in ("", "  ", "\u202e"):
        page = as_("second_operator").post(path, {"idempotency_key": "K", "reason": words})
        assert page.status_code == 422
        assert sentence in plain(page)
        assert hidden(page, "idempotency_key") == "K"


def test_an_answer_in_another_tab_is_a_conflict(as_, sent, morning):
    client = as_("second_operator")
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}"
    client.post(f"{path}/accept/", {"idempotency_key": "K1"})
    page = client.post(f"{path}/cannot/", {"idempotency_key": "K2", "reason": "Not me."})
    assert page.status_code == 409
    assert "was answered at 09:15 UTC: accepted. Answers are final." in plain(page)
    assert "Not me." in text(page)


def test_all_that_is_left_is_accepted_on_a_page_of_its_own(cast, as_, sent, morning):
    client = as_("second_operator")
    answer(cast, sent, morning.risky, "cannot", text="Not me.")
    path = f"{base(sent)}accept-all/"
    assert "Accept all 3…" in text(client.get(base(sent)))
    page = client.get(path)
    assert "Accept all 3 that wait for an answer?" in plain(page)
    form = {"idempotency_key": hidden(page, "idempotency_key")}
    assert "3 accepted." in plain(client.post(path, form, follow=True))
    assert "Nothing was done twice." in plain(client.post(path, form, follow=True))
    assert Event.objects.filter(action="handoff.answer").count() == 4


def test_a_report_without_requests_is_read_with_one_button(cast, as_):
    draft = start(cast)
    sent = send(cast, draft, typed=typed(draft, nones=ALL_NONES))
    client = as_("second_operator")
    assert "I have read it" in text(client.get(base(sent)))
    page = client.post(f"{base(sent)}acknowledge/", {"idempotency_key": "K"}, follow=True)
    assert "has read it." in plain(page)
    assert plain(page).count("None.") == 5


def test_the_sender_withdraws_it_on_a_page_of_its_own(cast, as_, sent):
    client = as_("operator")
    page = client.get(f"{base(sent)}withdraw/")
    form = {name: hidden(page, name) for name in ("idempotency_key", "version")}
    assert "Withdrawn" in plain(client.post(f"{base(sent)}withdraw/", form, follow=True))
    assert "Withdraw…" not in text(client.get(base(sent)))


# --- What the page says ---------------------------------------------------------------------------------


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

"""Failures, bulk verbs, runbooks and systems as pages."""

from datetime import timedelta

import pytest
from django.core import signing

from approvals import runbooks
from approvals.causes import CAUSES
from approvals.commands import operate
from approvals.kinds.base import Done, Refused, Unknown
from approvals.models import CauseWatch, Effect, State, System
from approvals.views.verbs import VERBS
from audit.models import Event
from tests.approvals.pages.common import hidden, queries_of, text

CODE = "too-many-requests"
BOARD, CAUSE = "/failures/", f"/failures/{CODE}/"
LIMITED = Refused(CODE, permanent=False, evidence="HTTP 429 Bearer sk_live_abcdef123456")


@pytest.fixture
def three(cast, provider):
    """Three account changes that retry for one cause."""
    provider.sends = LIMITED
    items = []
    for _ in range(3):
        item = cast.approve(cast.ask_for_account_change(), by=cast.second_operator)
        cast.run(item)
        items.append(cast.get(item.ref))
    return items


@pytest.fixture
def doubtful(cast, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    return cast.get(item.ref)


# --- The board -------------------------------------------------------------------------------------


def test_the_board_groups_by_cause(cast, as_, three, doubtful):
    page = text(as_("operator").get(BOARD))
    assert "1 cause is unknown (1 request), 1 retries on its own (3 requests)." in page
    assert "<small>Account service</small>" in page
    assert page.index("No answer in time") < page.index("Too many requests")


@pytest.mark.parametrize(
    ("view", "shown", "hidden_one"),
    [
        ("retrying", "Too many requests", "No answer in time"),
        ("unknown", "No answer in time", "Too many requests"),
        ("person", "No cause is in this view", "Too many requests"),
    ],
)
def test_a_view_shows_its_own(as_, three, doubtful, view, shown, hidden_one):
    page = text(as_("operator").get(f"{BOARD}?view={view}"))
    assert shown in page
    assert hidden_one not in page


def test_an_empty_board_says_so(as_):
    assert "Nothing fails." in text(as_("operator").get(BOARD))


def test_a_cause_that_nobody_has_any_more_is_resolved(cast, as_, doubtful, provider):
    provider.finds = Done("re_1")
    cast.run(doubtful, at=cast.now + timedelta(minutes=3))
    page = text(as_("operator").get(BOARD))
    assert "Resolved in the last 24 hours" in page
    assert "No answer in time" in page


@pytest.mark.parametrize("who", ["requester", "stranger"])
@pytest.mark.parametrize("path", [BOARD, CAUSE, f"{CAUSE}hold/"])
def test_the_board_is_for_people_who_see_calls(as_, three, who, path):
    assert as_(who).get(path).status_code == 404


def test_the_board_asks_the_same_number_of_questions_for_more(cast, as_, three, provider):
    client = as_("operator")
    few = queries_of(client, BOARD)
    for _ in range(4):
        item = cast.approve(cast.ask_for_account_change(), by=cast.second_operator)
        cast.run(item)
    assert queries_of(client, BOARD) == few <= 12


# --- One cause -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", list(CAUSES))
def test_every_cause_has_its_page(as_, code):
    page = as_("operator").get(f"/failures/{code}/")
    assert page.status_code == 200
    assert CAUSES[code].meaning in text(page).replace("&#x27;", "'")


def test_the_page_of_a_cause_shows_its_requests_and_masked_evidence(as_, three):
    page = text(as_("operator").get(CAUSE))
    assert all(item.ref in page for item in three)
    assert "HTTP 429" in page
    assert "sk_live_abcdef123456" not in page


def test_the_page_of_a_cause_asks_few_questions(as_, three):
    assert queries_of(as_("operator"), CAUSE) <= 21


@pytest.mark.parametrize("code", ["nonsense", "a" * 300, "too_many_requests"])
def test_an_unknown_cause_is_not_found(as_, code):
    assert as_("operator").get(f"/failures/{code}/").status_code == 404


def test_a_made_up_cursor_is_refused(as_, three):
    assert as_("operator").get(f"{CAUSE}?cursor=x").status_code == 400


# --- Tell me again if it grows ---------------------------------------------------------------------


def test_a_cause_stays_quiet_until_it_grows(cast, as_, three, provider):
    client = as_("operator")
    client.post(f"{CAUSE}watch/", {"above": "3"})
    assert "Quiet until they grow" in text(client.get(BOARD))
    item = cast.approve(cast.ask_for_account_change(), by=cast.second_operator)
    cast.run(item)
    page = text(client.get(BOARD))
    assert "Grew past 3" in page
    assert "Quiet until they grow" not in page
    assert Event.objects.filter(action="person.watch_cause").count() == 1


def test_it_is_quiet_only_for_who_said_so(as_, three):
    as_("operator").post(f"{CAUSE}watch/", {"above": "3"})
    assert "Quiet until they grow" not in text(as_("second_operator").get(BOARD))


def test_it_can_be_told_always_again(cast, as_, three):
    client = as_("operator")
    client.post(f"{CAUSE}watch/", {"above": "3"})
    client.post(f"{CAUSE}watch/", {"always": "1"})
    assert not CauseWatch.objects.filter(user=cast.operator).exists()


@pytest.mark.parametrize("above", ["", "0", "-1", "1e3", "x", "٣", "9" * 30, "\x00"])
def test_a_number_that_is_none_is_refused(as_, three, above):
    answer = as_("operator").post(f"{CAUSE}watch/", {"above": above})
    assert answer.status_code in (302, 400)
    assert not CauseWatch.objects.exists()


# --- Bulk ------------------------------------------------------------------------------------------


def preflight(client, verb="hold") -> dict:
    page = client.get(f"{CAUSE}{verb}/")
    return {"idempotency_key": "K", "list": hidden(page, "list"), "reason": "Asking them."}


def test_the_cause_offers_to_hold_all(as_, three):
    page = text(as_("operator").get(CAUSE))
    assert "Hold all 3…" in page
    assert "Try again all 3…" in page
    assert "Resume all" not in page


@pytest.mark.parametrize("who", ["approver", "auditor"])
def test_who_cannot_operate_is_offered_nothing(as_, three, who):
    page = text(as_(who).get(CAUSE))
    assert "Hold all" not in page
    refused = as_(who).get(f"{CAUSE}hold/")
    assert refused.status_code == 403
    assert "Only operations can hold requests." in text(refused)
    assert as_(who).post(f"{CAUSE}hold/", {"list": "x"}).status_code == 403


def test_all_of_the_list_are_held_each_with_its_event(cast, as_, three):
    client = as_("operator")
    answer = client.post(f"{CAUSE}hold/", preflight(client))
    assert "3 held, 0 left as they were" in text(answer)
    assert all(cast.get(item.ref).held_at for item in three)
    assert Event.objects.filter(action="request.hold", outcome="success").count() == 3


def test_a_request_that_came_later_is_left_alone(cast, as_, three, provider):
    """Check 16 of the pages."""
    client = as_("operator")
    form = preflight(client)
    later = cast.approve(cast.ask_for_account_change(), by=cast.second_operator)
    cast.run(later)
    client.post(f"{CAUSE}hold/", form)
    assert cast.get(later.ref).held_at is None


def test_a_request_that_changed_meanwhile_is_left_alone_and_named(cast, as_, three):
    client = as_("operator")
    form = preflight(client)
    operate.note(ref=three[0].ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Hm.")
    answer = text(client.post(f"{CAUSE}hold/", form))
    assert "2 held, 1 left as they were" in answer
    assert "changed while you were reading" in answer
    assert cast.get(three[0].ref).held_at is None


def test_sent_twice_it_is_done_once(cast, as_, three):
    client = as_("operator")
    form = preflight(client)
    answers = [text(client.post(f"{CAUSE}hold/", form)) for _ in range(2)]
    assert "3 held" in answers[0]
    assert "3 held" in answers[1]
    assert Event.objects.filter(action="request.hold").count() == 3


def test_without_a_reason_the_list_stays_and_nothing_is_done(cast, as_, three):
    client = as_("operator")
    form = preflight(client) | {"reason": " "}
    answer = client.post(f"{CAUSE}hold/", form)
    assert answer.status_code == 422
    assert hidden(answer, "list") == form["list"]
    assert not any(cast.get(item.ref).held_at for item in three)


def test_all_can_be_tried_again(cast, as_, three):
    client = as_("operator")
    answer = client.post(f"{CAUSE}try-again/", preflight(client, "try-again"))
    assert "3 tried again" in text(answer)
    now = cast.now + timedelta(minutes=3)
    assert {Effect.objects.get(item=item).next_attempt_at for item in three} == {now}


def test_what_is_held_is_skipped_with_the_reason(cast, as_, three):
    operate.hold(ref=three[0].ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Mine.")
    page = text(as_("operator").get(f"{CAUSE}try-again/"))
    assert "Try again 2 requests?" in page
    assert f"{three[0].ref} is held. Resume it first." in page


def test_what_is_in_doubt_cannot_be_tried_again_by_the_many(as_, doubtful):
    page = text(as_("operator").get("/failures/no-answer/try-again/"))
    assert "It can be done with none of them now." in page


@pytest.mark.parametrize(
    "damage", [lambda s: "", lambda s: s[:-2], lambda s: s + "x", lambda s: "\x00"]
)
def test_a_list_that_is_not_ours_is_refused(cast, as_, three, damage):
    client = as_("operator")
    form = preflight(client)
    form["list"] = damage(form["list"])
    assert client.post(f"{CAUSE}hold/", form).status_code == 400
    assert not any(cast.get(item.ref).held_at for item in three)


def test_somebody_else_s_list_is_refused(as_, three):
    form = preflight(as_("operator"))
    assert as_("second_operator").post(f"{CAUSE}hold/", form).status_code == 400


def test_a_list_of_another_verb_is_refused(as_, three):
    client = as_("operator")
    assert client.post(f"{CAUSE}try-again/", preflight(client)).status_code == 400


def test_an_old_list_is_refused(cast, as_, three, monkeypatch):
    client = as_("operator")
    form = preflight(client)
    started = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: started + 601)
    assert client.post(f"{CAUSE}hold/", form).status_code == 400
    assert not any(cast.get(item.ref).held_at for item in three)


@pytest.mark.parametrize("verb", ["settle", "withdraw", "approve", "nonsense"])
def test_other_verbs_are_for_one_request_only(as_, three, verb):
    assert as_("operator").get(f"{CAUSE}{verb}/").status_code == 404


# --- Runbooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", list(CAUSES))
def test_every_cause_has_a_runbook(as_, code):
    """Check 21 of the pages."""
    assert as_("operator").get(f"/runbooks/{CAUSES[code].runbook}/").status_code == 200


@pytest.mark.parametrize("one", runbooks.all_runbooks().values(), ids=lambda one: one.slug)
def test_every_action_link_of_a_runbook_is_a_verb(one):
    assert {verb.replace("-", "_") for verb in one.verbs} <= set(VERBS)


@pytest.mark.parametrize("one", runbooks.all_runbooks().values(), ids=lambda one: one.slug)
def test_every_runbook_has_the_same_parts(one):
    headings = [
        t.content
        for t, o in zip(one.tokens[1:], one.tokens, strict=False)
        if o.tag == "h2" and o.nesting == 1
    ]
    assert headings == [
        "When you see it",
        "What it means for the customer's money",
        "What is safe",
        "Steps",
        "When to page an engineer",
    ]


def test_the_verbs_of_a_runbook_are_buttons_for_its_request(as_, three):
    page = text(as_("operator").get(f"/runbooks/provider-limits/?request={three[0].ref}"))
    assert f'href="/requests/{three[0].ref}/hold/"' in page


def test_a_verb_that_is_not_offered_is_no_button(as_, doubtful):
    page = text(as_("operator").get(f"/runbooks/provider-limits/?request={doubtful.ref}"))
    assert f'href="/requests/{doubtful.ref}/try-again/"' not in page
    page = text(as_("auditor").get(f"/runbooks/provider-limits/?request={doubtful.ref}"))
    assert f'href="/requests/{doubtful.ref}/hold/"' not in page


def test_an_unknown_verb_in_a_runbook_is_only_words():
    book = runbooks.Runbook(
        "x", "X", tuple(runbooks._parser().parse("[Pay twice](verb:pay-twice) <b>")), ()
    )
    assert "<strong>Pay twice</strong> &lt;b&gt;" in runbooks.html(book, lambda verb: None)


def test_a_link_to_another_host_is_only_words():
    tokens = runbooks._parser().parse("[x](https://example.test) [y](javascript:alert(1))")
    shown = runbooks.html(runbooks.Runbook("x", "X", tuple(tokens), ()), lambda verb: None)
    assert "href" not in shown


@pytest.mark.parametrize("ref", ["RF-999999", "nonsense", "x" * 300, "../../etc"])
def test_a_runbook_for_a_request_that_is_not_there_is_not_found(as_, ref):
    assert as_("operator").get("/runbooks/held/", {"request": ref}).status_code == 404


def test_a_runbook_shows_only_requests_that_the_reader_sees(as_, three):
    page = text(as_("stranger").get("/runbooks/provider-limits/"))
    assert three[0].ref not in page


def test_the_list_of_runbooks_names_each(as_):
    page = text(as_("requester").get("/runbooks/"))
    assert all(f"/runbooks/{slug}/" in page for slug in runbooks.all_runbooks())


# --- Systems ---------------------------------------------------------------------------------------


def test_every_system_has_its_switch(as_):
    page = text(as_("operator").get("/systems/"))
    assert "Stripe" in page
    assert "Account service" in page
    assert "A person" not in page
    assert page.count("Running") == 2


def test_a_system_is_held_and_resumed_by_its_pages(cast, as_):
    client = as_("operator")
    key = hidden(client.get("/systems/stripe/hold/"), "idempotency_key")
    answer = client.post(
        "/systems/stripe/hold/", {"idempotency_key": key, "reason": "Red page."}, follow=True
    )
    assert "Held by E. Markou: “Red page.”" in text(answer)
    assert System.objects.get(slug="stripe").held_by == cast.operator
    client.post("/systems/stripe/resume/", {"idempotency_key": "R"})
    assert System.objects.get(slug="stripe").held_at is None


def test_a_hold_of_a_system_needs_a_reason(as_):
    answer = as_("operator").post("/systems/stripe/hold/", {"idempotency_key": "K", "reason": ""})
    assert answer.status_code == 422
    assert not System.objects.filter(held_at__isnull=False).exists()


@pytest.mark.parametrize("who", ["approver", "auditor"])
def test_who_only_reads_has_no_switch(as_, who):
    client = as_(who)
    assert "Hold…" not in text(client.get("/systems/"))
    assert client.get("/systems/stripe/hold/").status_code == 403
    answer = client.post("/systems/stripe/hold/", {"idempotency_key": "K", "reason": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/systems/", "/systems/stripe/hold/", "/systems/nobody/hold/"])
def test_support_does_not_see_systems(as_, path):
    assert as_("requester").get(path).status_code == 404


def test_a_system_that_does_not_exist_is_not_found(as_):
    assert as_("operator").get("/systems/nobody/hold/").status_code == 404


# --- The request's own page ------------------------------------------------------------------------


def test_a_retrying_request_offers_what_is_safe(as_, three):
    page = text(as_("operator").get(f"/requests/{three[0].ref}/"))
    for verb in ("hold", "try-again"):
        assert f"/requests/{three[0].ref}/{verb}/" in page
    assert f"/runbooks/provider-limits/?request={three[0].ref}" in page


def test_a_request_in_doubt_can_be_asked_about_and_not_sent_again(as_, doubtful):
    page = text(as_("operator").get(f"/requests/{doubtful.ref}/"))
    assert f"/requests/{doubtful.ref}/ask-provider/" in page
    assert "try-again" not in page


def test_it_is_held_in_three_clicks(cast, as_, three):
    """T1 of the timed tasks: the request, “Hold…”, “Hold AC-…”."""
    client, ref = as_("operator"), three[0].ref
    form = client.get(f"/requests/{ref}/hold/")
    answer = client.post(
        f"/requests/{ref}/hold/",
        {"idempotency_key": hidden(form, "idempotency_key"), "reason": "Asking the provider."},
        follow=True,
    )
    assert "Held by E. Markou" in text(answer)
    assert cast.get(ref).state == State.RETRYING

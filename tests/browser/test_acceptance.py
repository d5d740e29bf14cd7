"""The acceptance checks of ui.md §6 that a person would make with two browsers and a stop-watch.

docs/reference/acceptance.md names the test of each check; many have theirs elsewhere.
"""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn, Stored
from tests.browser.test_paths import ask_for_refund
from tests.conftest import PASSWORD
from tests.demo.conftest import until

STUCK = "/queue/?view=stuck"
ONE_IN = "select ref from approvals_approvalrequest where state = %(state)s and held_at is null order by id desc limit 1"
DECISIONS = """
select count(*) from approvals_decision decision
join approvals_approvalrequest item on item.id = decision.item_id where item.ref = %(ref)s
"""
EFFECT = """
select effect.key, effect.attempts, effect.next_attempt_at from approvals_effect effect
join approvals_approvalrequest item on item.id = effect.item_id where item.ref = %(ref)s
"""
CALLS = """
select purpose from approvals_attempt attempt join approvals_effect effect on effect.id = effect_id
join approvals_approvalrequest item on item.id = effect.item_id
where item.ref = %(ref)s order by attempt.number
"""


def ref_in(state: str, stored: Stored) -> str:
    return stored(ONE_IN, state=state)[0][0]


def token(page: Page) -> str:
    return page.locator("input[name=csrfmiddlewaretoken]").first.input_value()


# --- 7: without JavaScript ---------------------------------------------------------------------------


def test_without_javascript_it_is_claimed_held_and_resumed(sign_in: SignIn, stored: Stored):
    page = sign_in("ops2@demo.test", java_script_enabled=False)
    ref = ref_in("needs_person", stored)
    page.goto(STUCK)
    row = page.locator(f"#row-{ref}")
    row.get_by_role("button", name=f"Claim {ref}").click()
    expect(page.locator(".notice")).to_contain_text("yours")
    page.get_by_role("button", name="Release").click()
    expect(page.locator(".notice")).to_be_visible()
    ref = ref_in("retrying", stored)
    page.goto(f"/requests/{ref}/")
    page.get_by_role("link", name="Hold…").click()
    page.get_by_label("Reason").fill("Asking the provider.")
    page.get_by_role("button", name=f"Hold {ref}").click()
    expect(page.locator(".why")).to_contain_text("Held since")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("not held any more")


def test_without_javascript_it_is_sent_back_changed_and_rejected(sign_in: SignIn):
    support = sign_in("support@demo.test", java_script_enabled=False)
    finance = sign_in("finance2@demo.test", java_script_enabled=False)
    ref = ask_for_refund(support, "210.00", order="77101")
    finance.goto(f"/requests/{ref}/")
    finance.get_by_role("link", name="Send back…").click()
    finance.get_by_label("Question").fill("Which parcel?")
    finance.get_by_role("button", name=f"Send {ref} back").click()
    expect(finance.locator(".tag").first).to_contain_text("Sent back")
    support.goto(f"/requests/{ref}/resubmit/")
    expect(support.get_by_text("Which parcel?")).to_be_visible()
    support.get_by_label("Reason", exact=True).fill("The second parcel was lost.")
    support.get_by_role("button", name="Send again").click()
    finance.goto(f"/requests/{ref}/reject/")
    finance.get_by_label("Reason").fill("Not covered.")
    finance.get_by_role("button", name=f"Reject {ref}").click()
    expect(finance.locator(".tag").first).to_contain_text("Rejected")


def test_without_javascript_the_queue_is_filtered_and_a_reply_can_be_selected(sign_in: SignIn):
    """Also check 19."""
    page = sign_in("ops@demo.test", java_script_enabled=False)
    page.goto("/queue/?view=all")
    page.get_by_label("Type").select_option("manual")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=re.compile("^Remove filter")).click()
    expect(page.locator("tbody tr").nth(1)).to_be_visible()
    support = sign_in("support@demo.test", java_script_enabled=False)
    support.goto("/lookup/")
    support.get_by_label("Customer, ticket, order or request").fill("ZD-9921")
    support.get_by_role("button", name="Look up").click()
    expect(support.locator("#reply")).to_contain_text("EUR 1,240.00 for order 88120")
    expect(support.locator("#reply")).not_to_have_css("user-select", "none")
    expect(support.get_by_role("button", name="Copy reply")).to_have_count(0)
    support.get_by_label("Language").select_option("French")
    support.get_by_role("button", name="Show").click()
    expect(support.locator("#reply")).to_contain_text("Votre remboursement")
    support.get_by_role("button", name="I copied this").click()
    expect(support.locator(".notice")).to_have_text("Recorded: you copied reply v1 (French).")
    support.get_by_text("Ask operations about this").click()
    support.get_by_role("button", name="Add note").click()
    expect(support.locator(".notice")).to_contain_text("Your note is added.")


def test_a_reply_that_is_out_of_date_says_so_when_it_is_copied(sign_in: SignIn):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "130.00", order="77105")
    support.goto(f"/lookup/?q={ref}")
    finance = sign_in("finance1@demo.test")
    finance.goto(f"/requests/{ref}/")
    finance.get_by_role("button", name="Approve EUR 130.00").click()
    expect(finance.locator(".notice")).to_contain_text("Approved by you")
    support.get_by_role("button", name="Copy reply").click()
    expect(support.locator("#copied")).to_contain_text("Do not send what you copied")


# --- 8: once, however often it is sent ---------------------------------------------------------------


def test_however_often_an_approval_is_sent_it_counts_once(
    sign_in: SignIn, stored: Stored, provider: str
):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "160.00", order="77102")
    page = sign_in("finance2@demo.test")
    page.goto(f"/requests/{ref}/")
    names = ("csrfmiddlewaretoken", "idempotency_key", "revision", "step")
    form = {name: page.locator(f"#decide input[name={name}]").input_value() for name in names}
    other_tab = page.context.new_page()
    other_tab.goto(f"/requests/{ref}/")
    page.get_by_role("button", name="Approve EUR 160.00").click(click_count=3)
    expect(page.locator(".notice")).to_contain_text("Approved by you at")

    other_tab.get_by_role("button", name="Approve EUR 160.00").click()
    expect(other_tab.get_by_role("alert")).to_contain_text("Already approved by you at")
    other_tab.close()
    again = page.request.post(f"/requests/{ref}/approve/", form={**form, "reason": ""})
    assert "Already recorded: " in again.text()
    assert "Nothing was done twice." in again.text()

    until(lambda: stored(EFFECT, ref=ref)[0][1] and ref_is_done(stored, ref))
    assert stored(DECISIONS, ref=ref) == [(1,)]
    assert stored(CALLS, ref=ref) == [("send",)]
    booked = httpx.get(f"{provider}/ledger").json()["effects"]
    assert len([effect for effect in booked if "pi_77102_50000_eur" in str(effect)]) == 1


def ref_is_done(stored: Stored, ref: str) -> bool:
    found = stored("select state from approvals_approvalrequest where ref = %(ref)s", ref=ref)
    return found == [("done",)]


def test_going_back_finds_it_decided_and_no_form_to_send_again(sign_in: SignIn, stored: Stored):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "170.00", order="77103")
    page = sign_in("finance2@demo.test")
    page.goto(f"/requests/{ref}/reject/")
    page.get_by_label("Reason").fill("Not covered.")
    page.get_by_role("button", name=f"Reject {ref}").click()
    expect(page.locator(".notice")).to_be_visible()
    page.go_back()
    expect(page.locator(".notice")).to_contain_text(f"{ref} is rejected now")
    expect(page.get_by_role("button", name=re.compile("^Reject"))).to_have_count(0)
    assert stored(DECISIONS, ref=ref) == [(1,)]


# --- 10: who asked does not decide -------------------------------------------------------------------


def test_who_asked_sees_who_can_decide_and_cannot(sign_in: SignIn, stored: Stored):
    page = sign_in("support@demo.test")
    ref = ask_for_refund(page, "180.00", order="77104")
    expect(page.get_by_role("button", name=re.compile("approve", re.I))).to_have_count(0)
    sentence = page.locator("#decide p").first.inner_text()
    assert sentence.startswith(f"You created {ref}, and the policy needs someone else to decide.")
    expect(page.locator("main")).to_contain_text("I. Weber")
    form = {"csrfmiddlewaretoken": token(page), "idempotency_key": f"own-{ref}"}
    answer = page.request.post(
        f"/requests/{ref}/approve/", form={**form, "revision": "1", "step": "1"}
    )
    assert answer.status == 403
    assert f"You created {ref}, and the policy needs someone else to decide." in answer.text()
    assert stored(DECISIONS, ref=ref) == [(0,)]


# --- 12 and 13: retrying, and not knowing ------------------------------------------------------------


def test_a_retry_shows_the_stored_time_and_who_had_it_tried_again(sign_in: SignIn, stored: Stored):
    page = sign_in("ops@demo.test")
    ref = ref_in("retrying", stored)
    [(key, attempts, next_at)] = stored(EFFECT, ref=ref)
    scheduled = stored(
        "select scheduled_at from procrastinate_jobs where status = 'todo' and scheduled_at is not null"
        " and args ->> 'item_id' = (select id::text from approvals_approvalrequest where ref = %(ref)s)",
        ref=ref,
    )
    assert (next_at,) in scheduled
    page.goto(STUCK)
    row = page.locator(f"#row-{ref}")
    expect(row).to_contain_text(re.compile(r"Retrying, \d+ of \d+.*too many requests", re.S))
    expect(row).to_contain_text(f"{next_at:%H:%M} UTC")
    page.goto(f"/requests/{ref}/try-again/")
    page.get_by_role("button", name=f"Try {ref} again").click()
    expect(page.locator("#timeline")).to_contain_text("Will be tried again now by Eleni Markou")
    until(lambda: stored(EFFECT, ref=ref)[0][1] > attempts)
    until(lambda: stored(EFFECT, ref=ref)[0][2] not in (None, next_at))
    assert stored(EFFECT, ref=ref)[0][0] == key


def test_an_unknown_outcome_is_only_asked_about(sign_in: SignIn, stored: Stored, provider: str):
    page = sign_in("ops@demo.test")
    ref = ref_in("in_doubt", stored)
    booked = httpx.get(f"{provider}/ledger").json()["effects"]
    before = stored(CALLS, ref=ref)
    page.goto(f"/requests/{ref}/")
    expect(page.locator("a[href*=try-again], form[action*=try-again]")).to_have_count(0)
    form = {"csrfmiddlewaretoken": token(page), "idempotency_key": f"send-{ref}"}
    answer = page.request.post(f"/requests/{ref}/try-again/", form=form)
    assert answer.status == 409
    page.get_by_role("button", name="Ask the provider now").click()
    expect(page.locator(".notice")).to_contain_text("That changes nothing there")
    until(lambda: len(stored(CALLS, ref=ref)) > len(before))
    assert {purpose for (purpose,) in stored(CALLS, ref=ref)[len(before) :]} == {"look_up"}
    account = [effect for effect in booked if "acct_5512" in str(effect)]
    now_booked = httpx.get(f"{provider}/ledger").json()["effects"]
    assert [effect for effect in now_booked if "acct_5512" in str(effect)] == account


# --- 15 and 16: the list does not move under anybody's hands -----------------------------------------


def test_nothing_is_asked_while_somebody_types_or_looks_elsewhere(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    asked = []
    page.on("request", lambda one: asked.append(one.url) if "/queue/changes" in one.url else None)
    page.clock.install()
    page.goto("/queue/?view=all")

    page.get_by_label("Search").focus()
    page.clock.fast_forward(21_000)
    page.get_by_label("Search").blur()
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, value: true})")
    page.clock.fast_forward(21_000)
    page.evaluate("delete document.hidden")
    page.keyboard.press("Control+k")
    page.clock.fast_forward(21_000)
    page.keyboard.press("Escape")
    assert asked == []
    with page.expect_response(re.compile("/queue/changes")):
        page.clock.fast_forward(21_000)
    assert len(asked) == 1


def test_another_filter_ticks_nothing(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=all")
    for number in range(2):
        page.get_by_role("checkbox", name=re.compile("^Select AC-")).nth(number).check()
    expect(page.locator("#ticked")).to_have_text("2 selected")
    page.get_by_label("Type").select_option("account_change")
    expect(page).to_have_url(re.compile("kind=account_change"))
    expect(page.locator("#ticked")).not_to_contain_text("selected")
    expect(page.locator("input[name=row]:checked")).to_have_count(0)


# --- 19: look up -------------------------------------------------------------------------------------


def test_each_name_of_a_request_leads_to_its_answer(sign_in: SignIn, stored: Stored):
    page = sign_in("support@demo.test")
    [(ref,)] = stored("select ref from approvals_approvalrequest where ticket = 'ZD-9921'")
    for typed in (ref, ref.lower(), f"  {ref} ", "zd-9921", " ZD 9921", "88 120"):
        page.goto("/lookup/")
        page.get_by_label("Customer, ticket, order or request").fill(typed)
        page.get_by_role("button", name="Look up").click()
        expect(page.locator("#answer-heading .ref")).to_have_text(ref)
    page.goto("/lookup/?q=ana+silva")
    expect(page.locator("#which").locator("..")).to_contain_text(ref)


# --- 26: keys ----------------------------------------------------------------------------------------


def test_go_to_opens_by_number_and_gives_the_focus_back(sign_in: SignIn, stored: Stored):
    page = sign_in("ops@demo.test")
    [(ref,)] = stored("select ref from approvals_approvalrequest where ticket = 'ZD-9921'")
    page.goto(STUCK)
    link = page.locator("tbody th a").first
    link.focus()
    page.keyboard.press("Control+k")
    expect(page.locator("#go-q")).to_be_focused()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type(ref.removeprefix("RF-"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/requests/{ref}/"))


def test_no_single_key_decides(sign_in: SignIn, stored: Stored):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "190.00", order="77105")
    page = sign_in("finance2@demo.test")
    page.goto("/me/")
    page.get_by_label("Single-key shortcuts").check()
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator(".notice")).to_be_visible()
    posts = []
    page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
    page.goto(f"/requests/{ref}/")
    for key in "abcdefhijklmnopqrstuvwxyz0123456789g":
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("a")
    expect(page.get_by_label("Comment with your approval")).to_be_focused()
    assert posts == []
    assert stored(DECISIONS, ref=ref) == [(0,)]
    page.goto("/me/")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator(".notice")).to_be_visible()


# --- 29: the session ends during a comment -----------------------------------------------------------


def test_a_comment_survives_the_end_of_the_session(sign_in: SignIn, stored: Stored):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "220.00", order="77106")
    page = sign_in("finance2@demo.test")
    page.goto(f"/requests/{ref}/")
    page.get_by_label("Comment with your approval").fill("The carrier confirmed it.")
    page.context.clear_cookies(name="aq_session")
    page.get_by_role("button", name="Approve EUR 220.00").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Nothing was recorded.")
    assert stored(DECISIONS, ref=ref) == [(0,)]
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Email").fill("finance2@demo.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Approve {ref}?")
    expect(page.get_by_label("Comment")).to_have_value("The carrier confirmed it.")
    assert stored(DECISIONS, ref=ref) == [(0,)]
    page.get_by_role("button", name=f"Approve {ref}").click()
    expect(page.locator("#timeline")).to_contain_text("The carrier confirmed it.")
    assert stored(DECISIONS, ref=ref) == [(1,)]

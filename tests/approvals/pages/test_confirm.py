"""Deciding by the forms and the pages of the verbs."""

import pytest

from accounts import grants
from accounts.models import Membership
from approvals.commands import operate, submit
from approvals.kinds.base import Unknown
from approvals.models import Decision, Note, State
from tests.approvals.common import denied
from tests.approvals.pages.common import decision, hidden, text


def test_an_approver_has_the_decision_on_the_page(cast, as_):
    item = cast.ask()
    page = as_("approver").get(f"/requests/{item.ref}/")
    assert (hidden(page, "revision"), hidden(page, "step")) == ("1", "1")


def test_the_form_on_the_page_approves(cast, as_):
    item = cast.ask()
    client = as_("approver")
    page = client.get(f"/requests/{item.ref}/")
    form = {name: hidden(page, name) for name in ("idempotency_key", "revision", "step")}
    client.post(f"/requests/{item.ref}/approve/", form)
    assert cast.get(item.ref).state == State.APPROVED


def test_approving_leads_back_to_the_request_with_the_answer(cast, as_):
    item = cast.ask()
    response = as_("approver").post(f"/requests/{item.ref}/approve/", decision(item), follow=True)
    assert response.redirect_chain == [(f"/requests/{item.ref}/", 302)]
    assert "Approved by you at 09:15:00 UTC." in text(response)


def test_posting_twice_is_one_decision(cast, as_):
    """T1.13."""
    item = cast.ask(payload={"amount": 150_000})
    client = as_("approver", confirmed=True)
    for _ in range(2):
        client.post(f"/requests/{item.ref}/approve/", decision(item))
    assert (Decision.objects.count(), cast.get(item.ref).version) == (1, 2)


def test_posting_twice_leads_to_the_same_place_twice(cast, as_):
    """T1.13."""
    item = cast.ask()
    client = as_("approver")
    answers = [client.post(f"/requests/{item.ref}/approve/", decision(item)) for _ in range(2)]
    assert {(a.status_code in (302, 303), a["Location"]) for a in answers} == {
        (True, f"/requests/{item.ref}/")
    }


def test_the_second_post_says_that_it_was_recorded_already(cast, as_):
    """T1.13."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    again = client.post(f"/requests/{item.ref}/approve/", decision(item), follow=True)
    assert "Already recorded" in text(again)


def test_the_same_form_with_other_words_says_reload(cast, as_):
    """T1.13."""
    item = cast.ask(payload={"amount": 150_000})
    client = as_("approver", confirmed=True)
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    again = client.post(f"/requests/{item.ref}/approve/", decision(item, reason="Also."))
    assert again.status_code == 422
    assert "Reload it" in text(again)


def test_two_tabs_are_one_vote_and_the_second_is_told(cast, as_):
    """T1.15."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    second = client.post(f"/requests/{item.ref}/approve/", decision(item, idempotency_key="L"))
    assert (second.status_code, Decision.objects.count()) == (409, 1)
    assert "Already approved by you at 09:15 UTC. Nothing was recorded twice." in text(second)


def test_a_missing_reason_asks_for_it(cast, as_):
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert page.status_code == 422
    assert "Say why you reject it." in text(page)


def test_a_corrected_form_keeps_its_key(cast, as_):
    """T1.14."""
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert hidden(page, "idempotency_key") == "K"


def test_a_corrected_form_is_accepted_with_the_same_key(cast, as_):
    """T1.14."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/reject/", decision(item))
    client.post(f"/requests/{item.ref}/reject/", decision(item, reason="No."))
    assert cast.get(item.ref).state == State.REJECTED


def test_a_corrected_form_keeps_the_revision_that_was_seen(cast, as_):
    """T7.4: a mistake must not slip the new content under an old decision."""
    item = cast.ask()
    resubmitted(cast, item)
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert hidden(page, "revision") == "1"


@pytest.mark.parametrize("reason", ["x" * 2001, "a\x00b"])
def test_words_that_cannot_be_kept_ask_again(cast, as_, reason):
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/approve/", decision(item, reason=reason))
    assert (page.status_code, cast.get(item.ref).version) == (422, 1)


@pytest.mark.parametrize("key", ["", "a b", "x" * 300, "\x00"])
def test_a_form_without_a_good_key_is_refused(cast, as_, key):
    """T1.6."""
    item = cast.ask()
    page = as_("approver").post(
        f"/requests/{item.ref}/approve/", decision(item, idempotency_key=key)
    )
    assert (page.status_code, cast.get(item.ref).version) == (400, 1)


@pytest.mark.parametrize("missing", ["revision", "step"])
@pytest.mark.parametrize("value", ["", "x", "-1", "1.0", "9" * 40, None])
def test_a_form_that_does_not_say_what_was_seen_asks_again(cast, as_, missing, value):
    item = cast.ask()
    body = {k: v for k, v in decision(item, **{missing: value}).items() if v is not None}
    page = as_("approver").post(f"/requests/{item.ref}/approve/", body)
    assert (page.status_code, cast.get(item.ref).version) == (422, 1)


def test_the_requester_is_told_why_not(cast, as_):
    """T7.5."""
    item = cast.ask()
    page = as_("requester").post(f"/requests/{item.ref}/approve/", decision(item))
    assert page.status_code == 403
    assert f"You created {item.ref}, and the policy needs someone else to decide." in text(page)


def test_the_requesters_attempt_is_recorded(cast, as_):
    """T7.5."""
    item = cast.ask()
    as_("requester").post(f"/requests/{item.ref}/approve/", decision(item))
    assert [event.reason_code for event in denied(cast.requester)] == ["requester"]


def test_the_requester_sees_the_sentence_in_place_of_the_button(cast, as_):
    item = cast.ask()
    page = text(as_("requester").get(f"/requests/{item.ref}/"))
    assert f"You created {item.ref}, and the policy needs someone else to decide." in page
    assert f"/requests/{item.ref}/approve/" not in page


def test_who_lost_the_right_between_page_and_post_is_refused(cast, as_):
    """T7.9."""
    item = cast.ask()
    client = as_("approver")
    client.get(f"/requests/{item.ref}/")
    Membership.objects.filter(user=cast.approver).delete()
    grants.give("view_queue", to=cast.approver, on=item.queue)
    assert client.post(f"/requests/{item.ref}/approve/", decision(item)).status_code == 403


def resubmitted(cast, item, **payload):
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=item.revision,
        payload={**item.payload, "amount": 9900, **payload},
        customer=item.customer,
        reason=item.reason,
        ticket=item.ticket,
    )
    return cast.get(item.ref)


def stale(cast, as_):
    item = cast.ask()
    resubmitted(cast, item)
    return as_("approver").post(
        f"/requests/{item.ref}/approve/", decision(item, reason="Looks fine to me.")
    )


def test_a_decision_on_what_is_no_longer_there_is_a_conflict(cast, as_):
    """T7.4."""
    assert stale(cast, as_).status_code == 409


def test_a_conflict_shows_what_changed(cast, as_):
    """T7.4."""
    page = text(stale(cast, as_))
    assert "EUR 88.00" in page
    assert "EUR 99.00" in page


def test_a_conflict_keeps_the_comment(cast, as_):
    """T7.4."""
    assert "Looks fine to me." in text(stale(cast, as_))


def test_a_stale_version_is_a_conflict(cast, as_):
    item = cast.ask()
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Look.")
    page = as_("operator").post(
        f"/requests/{item.ref}/claim/", {"idempotency_key": "K", "version": 1}
    )
    assert page.status_code == 409


@pytest.mark.parametrize("verb", ["approve", "reject", "send-back"])
def test_the_page_of_a_choice_says_what_it_does(cast, as_, verb):
    item = cast.ask()
    assert as_("approver").get(f"/requests/{item.ref}/{verb}/").status_code == 200


def test_the_page_of_a_choice_that_is_over_leads_back(cast, as_):
    item = cast.approve(cast.ask())
    response = as_("second_approver").get(f"/requests/{item.ref}/approve/")
    assert (response.status_code, response["Location"]) == (302, f"/requests/{item.ref}/")


def test_withdrawing_by_its_page(cast, as_):
    item = cast.ask()
    as_("requester").post(
        f"/requests/{item.ref}/withdraw/", {"idempotency_key": "K", "reason": "No."}
    )
    assert cast.get(item.ref).state == State.WITHDRAWN


def test_a_note_by_its_page(cast, as_):
    item = cast.ask()
    as_("operator").post(f"/requests/{item.ref}/note/", {"idempotency_key": "K", "reason": "Look."})
    assert Note.objects.get().text == "Look."


def test_settling_by_its_pages(cast, as_, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    as_("operator").post(
        f"/requests/{item.ref}/settle/",
        {
            "idempotency_key": "K",
            "revision": 1,
            "reason": "Seen.",
            "happened": "yes",
            "reference": "re_9",
        },
    )
    as_("second_operator").post(
        f"/requests/{item.ref}/confirm-settlement/", {"idempotency_key": "K", "revision": 1}
    )
    assert cast.get(item.ref).state == State.DONE


def test_a_finding_must_say_whether_it_happened(cast, as_, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    page = as_("operator").post(
        f"/requests/{item.ref}/settle/", {"idempotency_key": "K", "revision": 1, "reason": "Seen."}
    )
    assert page.status_code == 422

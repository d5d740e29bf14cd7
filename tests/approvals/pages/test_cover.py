"""The page of cover, the decisions under it, and what they say."""

from datetime import timedelta

import pytest

from accounts.models import Cover
from approvals.models import Queue
from tests.approvals.pages.common import decision, text


@pytest.fixture
def form(cast):
    return {
        "person": cast.approver.pk,
        "deputy": cast.limited_approver.pk,
        "queues": [Queue.objects.get(slug="refunds").pk],
        "starts": "2026-11-24",
        "ends": "2999-01-01",
        "idempotency_key": "k1",
    }


@pytest.fixture
def covered(cast):
    """Set past the page, so that it runs by the wall clock and by the cast's."""
    made = Cover.objects.create(
        person=cast.approver,
        by=cast.limited_approver,
        starts_at=cast.now - timedelta(days=1),
        ends_at=cast.now + timedelta(days=36_500),
        set_by=cast.approver,
        set_at=cast.now,
    )
    made.queues.set(Queue.objects.filter(slug="refunds"))
    return made


def test_a_mistake_keeps_what_was_typed_and_is_said_at_the_field(cast, as_, form):
    response = as_("approver").post("/me/cover/", form)
    assert response.status_code == 422
    assert "Cover can last 92 days at most" in text(response)
    assert 'value="2999-01-01"' in response.content.decode()
    assert not Cover.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"starts": "tomorrow"},
        {"deputy": ""},
        {"deputy": "999999"},
        {"queues": []},
        {"queues": ["x"]},
        {"person": "999999"},
        {"ends": "0000-00-00"},
    ],
)
def test_typed_nonsense_is_told(cast, as_, form, changes):
    response = as_("approver").post("/me/cover/", {**form, **changes})
    assert response.status_code == 422
    assert not Cover.objects.exists()


def test_it_is_set_listed_and_ended(cast, as_, form, now):
    from django.utils import timezone

    today = timezone.now().date().isoformat()
    client = as_("approver")
    assert client.post("/me/cover/", {**form, "ends": today}, follow=True).status_code == 200
    made = Cover.objects.get()
    page = client.get("/me/cover/")
    assert "Priya Roy for Ines Weber" in text(page)
    assert client.get(f"/me/cover/{made.pk}/end/").status_code == 405
    client.post(f"/me/cover/{made.pk}/end/", {"idempotency_key": "k2"})
    made.refresh_from_db()
    assert made.ended_at is not None
    assert "Ended" in text(client.get("/me/cover/"))


def test_foreign_cover_is_not_there(cast, as_, covered):
    response = as_("operator").post(f"/me/cover/{covered.pk}/end/", {"idempotency_key": "k"})
    assert response.status_code == 404
    assert "Priya Roy for Ines Weber" not in text(as_("operator").get("/me/cover/"))


def test_who_covers_sees_for_whom_they_decide(cast, as_, covered):
    item = cast.ask(payload={"amount": 500_000})
    client = as_("limited_approver", confirmed=True)
    assert "You decide for I. Weber" in text(client.get("/decisions/?show=cover"))
    page = text(client.get(f"/requests/{item.ref}/"))
    assert "You decide for Ines Weber, under your own name." in page
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    after = text(client.get(f"/requests/{item.ref}/"))
    assert "P. Roy for I. Weber at" in after
    assert "by Priya Roy for Ines Weber" in after
    assert "Approved for I. Weber" in text(client.get("/decisions/?show=decided"))


def test_who_has_nothing_to_cover_is_told_so(cast, as_):
    assert "there is nothing to cover" in text(as_("requester").get("/me/cover/"))

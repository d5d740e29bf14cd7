"""The inbox, its settings, and watching: what is shown is true, and nothing is done by looking."""

from datetime import time, timedelta

import pytest

from accounts.models import User
from audit.models import Event
from notifications.models import Notice, Preferences, Watch
from tests.notifications.common import hear, prefer

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(cast, client):
    client.force_login(cast.approver)
    return client


def filled(**changes) -> dict:
    every = ("decisions", "mine", "mentions", "watched", "shifts", "causes", "by_email", "digest")
    return {**dict.fromkeys(every, "on"), "quiet_from": "", "quiet_until": "", **changes}


# --- The inbox ------------------------------------------------------------------------------------


def test_it_shows_what_is_new_and_how_many(cast, finance):
    item = cast.ask()
    hear(cast)
    page = finance.get("/inbox/").content.decode()
    assert f"{item.ref} waits for your decision" in page
    assert '<b class="count" id="inbox-count">1<' in page


def test_looking_reads_nothing(cast, finance):
    cast.ask()
    hear(cast)
    for path in ("/inbox/", "/inbox/?show=all", f"/requests/{Notice.objects.first().item.ref}/"):
        finance.get(path)
    assert Notice.objects.filter(user=cast.approver, read_at=None).count() == 1


def test_what_somebody_else_decided_settles_itself(cast, finance):
    item = cast.ask()
    hear(cast)
    cast.approve(item, cast.second_approver)
    new, everything = (
        finance.get(path).content.decode() for path in ("/inbox/", "/inbox/?show=all")
    )
    assert "Nothing new" in new
    assert "inbox-count" not in new
    assert "Settled: approved now, nothing waits for you." in everything


def test_one_s_own_approval_settles_it_while_others_are_still_asked(cast, finance, client):
    item = cast.ask(payload={"amount": 150_000})
    hear(cast)
    cast.approve(item, cast.approver)
    assert "Nothing new" in finance.get("/inbox/").content.decode()
    client.force_login(cast.second_approver)
    assert item.ref in client.get("/inbox/").content.decode()


def test_one_notice_or_all_that_were_seen_are_read(cast, finance):
    refs = [cast.ask().ref for _ in range(3)]
    hear(cast)
    mine = list(Notice.objects.filter(user=cast.approver).order_by("pk"))
    finance.post("/inbox/read/", {"notice": mine[0].pk})
    assert refs[0] not in finance.get("/inbox/").content.decode()
    finance.post("/inbox/read/", {"until": mine[1].pk})  # the third came after the page was made
    page = finance.get("/inbox/").content.decode()
    assert refs[1] not in page
    assert refs[2] in page


def test_nobody_reads_another_s_notices(cast, finance):
    cast.ask()
    hear(cast)
    other = Notice.objects.filter(user=cast.second_approver).get()
    finance.post("/inbox/read/", {"notice": other.pk})
    other.refresh_from_db()
    assert other.read_at is None


@pytest.mark.parametrize(
    "body", [{}, {"notice": "x"}, {"notice": "-1"}, {"until": "9" * 30}, {"notice": "1\x00"}]
)
def test_numbers_that_are_none_change_nothing(cast, finance, body):
    cast.ask()
    hear(cast)
    assert finance.post("/inbox/read/", body).status_code in (400, 404)
    assert not Notice.objects.exclude(read_at=None).exists()


def test_what_one_may_no_longer_see_is_not_shown(cast, finance):
    item = cast.ask()
    hear(cast)
    cast.approver.memberships.all().delete()
    assert item.ref not in finance.get("/inbox/?show=all").content.decode()


def test_it_has_pages_and_a_forged_one_is_none(cast, finance):
    for number in range(35):
        Notice.objects.create(
            user=cast.approver, topic="shifts", mark=f"m{number}", sentence=f"Number {number}.",
            url="/", at=cast.now + timedelta(seconds=number // 3),
        )  # fmt: skip
    first = finance.get("/inbox/")
    second = finance.get(first.context["next_url"])
    numbers = [one["sentence"] for page in (first, second) for one in page.context["notices_told"]]
    assert numbers == [f"Number {number}." for number in reversed(range(35))]
    assert finance.get("/inbox/?cursor=forged").status_code == 404


def test_a_direction_mark_turns_nothing_around(cast, finance):
    Notice.objects.create(
        user=cast.approver,
        topic="shifts",
        mark="m",
        sentence="A \u202eB <b>c</b>",
        url="/",
        at=cast.now,
    )
    page = finance.get("/inbox/").content.decode()
    assert "\u202e" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize("path", ["/inbox/", "/me/notify/"])
def test_the_signed_out_are_asked_to_sign_in(db, client, path):
    assert client.get(path).status_code == 302


# --- What is wanted -------------------------------------------------------------------------------


def test_choices_are_kept_and_are_an_event(cast, finance):
    answer = finance.post("/me/notify/", filled(quiet_from="18:00", quiet_until="08:00"))
    assert answer.status_code == 302
    mine = Preferences.objects.get(user=cast.approver)
    assert (mine.digest, mine.quiet_from, mine.quiet_until) == (True, time(18), time(8))
    event = Event.objects.get(action="person.notify")
    assert {"field": "quiet_from", "before": "", "after": "18:00"} in event.changes


def test_what_did_not_change_is_no_event(cast, finance):
    for _ in range(2):
        finance.post("/me/notify/", filled())
    assert Event.objects.filter(action="person.notify").count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quiet_from": "18:00"}, "Quiet hours need a beginning and an end."),
        ({"quiet_until": "08:00"}, "Quiet hours need a beginning and an end."),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, "are none."),
        ({"quiet_from": "25:00", "quiet_until": "x"}, "Enter a time such as 18:00."),
    ],
)
def test_quiet_hours_that_are_none_are_refused_and_nothing_is_lost(
    cast, finance, changes, sentence
):
    prefer(cast.approver, cast, digest=True)
    answer = finance.post("/me/notify/", filled(**changes, causes=""))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Preferences.objects.get(user=cast.approver).causes


def test_without_mail_the_page_says_so(cast, finance, settings):
    settings.SENDS_MAIL = False
    assert "sends no mail" in finance.get("/me/notify/").content.decode()
    settings.SENDS_MAIL = True
    assert "sends no mail" not in finance.get("/me/notify/").content.decode()


# --- Watching -------------------------------------------------------------------------------------


def test_a_request_is_watched_and_left_again_from_its_page(cast, finance):
    item = cast.ask()
    page = f"/requests/{item.ref}/"
    assert ">Watch<" in finance.get(page).content.decode()
    for _ in range(2):  # a double click
        finance.post(f"/inbox/watch/{item.ref}/", {"wanted": "yes"})
    assert "Stop watching" in finance.get(page).content.decode()
    finance.post(f"/inbox/watch/{item.ref}/")
    assert ">Watch<" in finance.get(page).content.decode()
    told = Event.objects.filter(action__in=["person.watch", "person.unwatch"])
    assert [event.action for event in told.order_by("pk")] == ["person.watch", "person.unwatch"]
    assert cast.get(item.ref).version == item.version


def test_nobody_watches_what_they_cannot_see(cast, client):
    item = cast.ask()
    client.force_login(cast.stranger)
    assert client.post(f"/inbox/watch/{item.ref}/", {"wanted": "yes"}).status_code == 404
    assert client.post("/inbox/watch/RF-999999/", {"wanted": "yes"}).status_code == 404
    assert not Watch.objects.exists()


def test_200_watched_requests_are_enough(cast, finance, monkeypatch):
    monkeypatch.setattr("notifications.commands.MOST_WATCHED", 1)
    one, other = cast.ask(), cast.ask()
    for item in (one, other):
        page = finance.post(f"/inbox/watch/{item.ref}/", {"wanted": "yes"}, follow=True)
    assert "Stop watching some first." in page.content.decode()
    assert Watch.objects.get().item == one


def test_services_are_told_nothing(cast):
    service = User.objects.get(email="webshop@demo.test")
    item = cast.ask(by=service)
    hear(cast)
    assert item
    assert not Notice.objects.filter(user=service).exists()

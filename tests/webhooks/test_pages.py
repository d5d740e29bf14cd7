"""The pages of webhooks: only for administrators, safe to send twice, and the secret once."""

import pytest
from django.test import Client

from audit.models import Event
from tests.approvals.pages.common import hidden, text
from tests.webhooks.common import MANY, make, pump, test_event, until_due
from webhooks.models import Delivery, Endpoint
from webhooks.views.acts import VERBS
from webhooks.views.endpoint import SENTENCES

pytestmark = pytest.mark.usefixtures("db")
WHO = ["requester", "approver", "operator", "auditor", "stranger", "limited_approver"]
FORM = {**MANY, "idempotency_key": "K"}


@pytest.fixture
def admin(cast) -> Client:
    return signed_in(cast, "admin")


def signed_in(cast, who: str) -> Client:
    client = Client()
    client.force_login(getattr(cast, who))
    return client


def addresses(endpoint, delivery) -> list[str]:
    base = f"/webhooks/{endpoint.pk}/"
    one = f"{base}deliveries/{delivery.pk}/"
    return [
        "/webhooks/",
        "/webhooks/new/",
        base,
        f"{base}edit/",
        *(f"{base}{verb}/" for verb in VERBS),
        one,
        f"{one}replay/",
    ]


@pytest.mark.parametrize("who", WHO)
def test_for_everybody_else_the_pages_do_not_exist(cast, endpoint, who):
    delivery, client = test_event(cast, endpoint), signed_in(cast, who)
    rows = list(Endpoint.objects.values())
    for address in addresses(endpoint, delivery):
        assert client.get(address).status_code in (404, 405), address
        assert client.post(address, FORM).status_code in (404, 405), address
    assert list(Endpoint.objects.values()) == rows
    assert b"/webhooks/" not in client.get("/me/").content


def test_signed_out_people_are_asked_to_sign_in(cast, endpoint):
    delivery = test_event(cast, endpoint)
    for address in addresses(endpoint, delivery):
        assert Client().get(address).status_code == 302
        assert Client().post(address, FORM).status_code == 401


def test_an_administrator_reads_every_page_and_reading_changes_nothing(cast, endpoint, admin):
    delivery, before = test_event(cast, endpoint), Event.objects.count()
    for address in addresses(endpoint, delivery):
        assert admin.get(address).status_code in (200, 405), address
    assert Event.objects.count() == before
    assert b'href="/webhooks/"' in admin.get("/me/").content


def test_the_secret_is_shown_once_on_the_page_after_the_form(admin):
    page = admin.post("/webhooks/new/", FORM, follow=True)
    endpoint = Endpoint.objects.get()
    assert page.redirect_chain == [(f"/webhooks/{endpoint.pk}/", 302)]
    [secret] = [word for word in text(page).replace("<", " ").split() if "whsec_" in word]
    secret = secret.rpartition(">")[2]
    assert len(secret) == len("whsec_") + 44
    for address in ("/webhooks/", f"/webhooks/{endpoint.pk}/", f"/webhooks/{endpoint.pk}/edit/"):
        assert "whsec_" not in text(admin.get(address))
    assert secret not in str(dict(admin.session))


def test_a_double_click_makes_one_endpoint_and_still_shows_the_secret(admin):
    first = admin.post("/webhooks/new/", FORM)
    second = admin.post("/webhooks/new/", FORM)
    assert first["Location"] == second["Location"]
    assert Endpoint.objects.count() == 1
    assert "whsec_" in text(admin.get(second["Location"]))


def test_until_then_the_secret_waits_sealed_and_for_its_own_page(endpoint, admin):
    made = admin.post("/webhooks/new/", FORM)
    assert "whsec_" not in str(dict(admin.session))
    assert "whsec_" not in text(admin.get(f"/webhooks/{endpoint.pk}/"))
    assert "whsec_" in text(admin.get(made["Location"]))


def test_another_administrator_is_not_shown_the_secret(cast, admin):
    admin.post("/webhooks/new/", FORM)
    cast.operator.is_staff = True
    cast.operator.save()
    other = signed_in(cast, "operator")
    assert "whsec_" not in text(other.get(f"/webhooks/{Endpoint.objects.get().pk}/"))


def test_a_rotation_shows_the_new_secret_once(endpoint, admin):
    address = f"/webhooks/{endpoint.pk}/rotate/"
    page = admin.post(address, {"idempotency_key": hidden(admin.get(address), "idempotency_key")})
    assert "whsec_" in text(admin.get(page["Location"]))
    assert "whsec_" not in text(admin.get(page["Location"]))
    assert "Signed with the new and the old secret until" in text(admin.get(page["Location"]))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Enter the name."),
        ({"url": ""}, "Enter the URL."),
        ({"url": "http://example.com/"}, "must start with https://"),
        ({"url": "https://127.0.0.1/"}, "needs a host name"),
        ({"url": "https://example.com/" + "x" * 600}, "500"),
        ({"name": "\x00"}, "Null characters are not allowed"),
        ({"name": "a\u202eb"}, "invisible characters"),
        ({"actions": ["person.sign_in"]}, "Select a valid choice"),
        ({"queues": ["nowhere"]}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_typed_text_stays(admin, changes, sentence):
    page = admin.post("/webhooks/new/", {**FORM, **changes})
    assert page.status_code == 422
    assert sentence in text(page)
    assert "<title>Error: New endpoint" in text(page)
    assert hidden(page, "idempotency_key") == "K"
    assert Endpoint.objects.count() == 0


def test_a_form_without_a_key_or_with_a_used_one_makes_nothing(admin):
    assert admin.post("/webhooks/new/", MANY).status_code == 400
    admin.post("/webhooks/new/", FORM)
    assert admin.post("/webhooks/new/", {**FORM, "name": "Other"}).status_code == 422
    assert Endpoint.objects.count() == 1


def test_a_form_from_another_site_changes_nothing(cast, endpoint):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.admin)
    for verb in VERBS:
        answer = client.post(f"/webhooks/{endpoint.pk}/{verb}/", FORM)
        assert answer.status_code == 403
    assert client.post("/webhooks/new/", FORM).status_code == 403
    assert Endpoint.objects.get().version == 1


def test_edit_disable_enable_test_and_replay_end_on_the_page_of_the_endpoint(
    cast, endpoint, receiver, clock, admin
):
    base = f"/webhooks/{endpoint.pk}/"
    steps = [
        ("edit/", {"name": "Stock", "url": receiver.url, "actions": ["request.note"]}),
        ("disable/", {"reason": "It moves."}),
        ("enable/", {}),
        ("test/", {}),
    ]
    for number, (path, body) in enumerate(steps):
        page = admin.post(base + path, {**body, "idempotency_key": f"K{number}"})
        assert (page.status_code, page["Location"]) == (302, base), path
    receiver.replies = [410]
    clock.now = Delivery.objects.get().next_at
    pump(endpoint, clock)
    assert "answered 410" in text(admin.get(base))
    admin.post(f"{base}enable/", {"idempotency_key": "K9"})
    assert admin.post(f"{base}replay/", {"idempotency_key": "K10"})["Location"] == base
    until_due(endpoint, clock)
    assert pump(endpoint, clock) == 1
    one = f"{base}deliveries/{Delivery.objects.get().pk}/"
    assert "Answered 410" in text(admin.get(one))
    assert admin.post(f"{one}replay/", {"idempotency_key": "K11"})["Location"] == base
    assert Delivery.objects.get().state == "waiting"


def test_the_history_says_who_did_what(cast, endpoint, admin):
    base = f"/webhooks/{endpoint.pk}/"
    admin.post(f"{base}rotate/", {"idempotency_key": "K1"})
    admin.post(f"{base}disable/", {"idempotency_key": "K2", "reason": "It moves to another host."})
    page = text(admin.get(base)).partition('id="history"')[2]
    for words in ("Created", "Secret rotated", "Disabled", cast.admin.name, "It moves to another"):
        assert words in page


def test_every_act_has_a_sentence():
    acts = {f"webhook.{verb}" for verb in (*VERBS, "create", "change")}
    assert acts == set(SENTENCES)


def test_disabling_needs_a_reason(endpoint, admin):
    page = admin.post(f"/webhooks/{endpoint.pk}/disable/", {"idempotency_key": "K"})
    assert page.status_code == 422
    assert "Say why you disable it." in text(page)
    long = {"idempotency_key": "K", "reason": "x" * 301}
    assert admin.post(f"/webhooks/{endpoint.pk}/disable/", long).status_code == 422
    assert Endpoint.objects.get().disabled_at is None


def test_what_is_not_possible_now_is_a_page_that_says_so(endpoint, admin):
    page = admin.post(f"/webhooks/{endpoint.pk}/replay/", {"idempotency_key": "K"})
    assert page.status_code == 409
    assert "No delivery has failed." in text(page)


def test_the_log_can_be_narrowed_and_paged(cast, endpoint, receiver, clock, admin):
    for _ in range(53):
        test_event(cast, endpoint)
    receiver.replies = [500]
    pump(endpoint, clock)
    base = f"/webhooks/{endpoint.pk}/"
    first = text(admin.get(base))
    assert first.count('scope="row"') == 50
    cursor = first.partition("cursor=")[2].partition('"')[0]
    second = text(admin.get(f"{base}?cursor={cursor}"))
    assert second.count('scope="row"') == 3
    assert "Refused it with status 500" in second
    assert "No delivery has failed." in text(admin.get(f"{base}?state=failed"))
    assert text(admin.get(f"{base}?state=waiting&cursor={cursor}")).count('scope="row"') == 3


@pytest.mark.parametrize("cursor", ["x", "1", "a:b:c", "\u202e", "x" * 5000])
def test_a_cursor_that_is_not_ours_is_refused(endpoint, admin, cursor):
    assert admin.get(f"/webhooks/{endpoint.pk}/", {"cursor": cursor}).status_code == 400


@pytest.mark.parametrize(
    "path", ["0/", "999999/", f"{10**30}/", "1e3/", "x/", "0/edit/", "0/deliveries/0/"]
)
def test_what_is_not_there_is_not_found(admin, path):
    assert admin.get(f"/webhooks/{path}").status_code == 404


def test_a_delivery_is_only_at_its_own_endpoint(cast, endpoint, admin):
    other, _ = make(cast)
    delivery = test_event(cast, other)
    assert admin.get(f"/webhooks/{endpoint.pk}/deliveries/{delivery.pk}/").status_code == 404
    address = f"/webhooks/{endpoint.pk}/deliveries/{delivery.pk}/replay/"
    assert admin.post(address, {"idempotency_key": "K"}).status_code == 404


def test_what_a_receiver_said_is_shown_as_text_without_secrets(
    cast, endpoint, receiver, clock, admin
):
    delivery = test_event(cast, endpoint)
    receiver.replies = [(500, {}, "<script>alert(1)</script> sk_live_51HxAbCdEf \u202e\x07")]
    pump(endpoint, clock)
    page = text(admin.get(f"/webhooks/{endpoint.pk}/deliveries/{delivery.pk}/"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [secret]" in page
    assert "\u202e" not in page


def test_an_endpoint_that_is_left_alone_says_so(
    cast, endpoint, receiver, clock, admin, monkeypatch
):
    for _ in range(5):
        test_event(cast, endpoint)
    receiver.replies = [500] * 5
    for _ in range(5):
        pump(endpoint, clock)
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock.now)
    for address in ("/webhooks/", f"/webhooks/{endpoint.pk}/"):
        page = text(admin.get(address))
        assert "Left alone for a while" in page
        assert "It failed 5 times in a row: refused it with status 500." in page

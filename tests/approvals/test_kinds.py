"""What providers answer, and what we make of it (the outcome table, mechanisms §2)."""

from types import SimpleNamespace

import pytest
import stripe

from approvals import kinds
from approvals.kinds import calling, refund, stripe_answers, stripe_client
from approvals.kinds.base import Absent, Done, Effect, Refused, Unknown
from approvals.kinds.manual import Manual
from approvals.kinds.refund import Refund
from approvals.refusals import Invalid

REFUND = Effect(
    id="aq-RF-1-abc",
    key="aq-RF-1-abc",
    ref="RF-1",
    payload={
        "order": "O-1",
        "payment": "pi_1",
        "amount": 8800,
        "currency": "EUR",
        "reason_code": "duplicate",
    },
    reason="Lost.",
)


# --- Every kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds.all_kinds().values(), ids=lambda kind: kind.slug)
def test_a_kind_says_everything_that_people_read(kind):
    assert all([kind.slug, kind.prefix, kind.label, kind.description, kind.system])


def test_kinds_have_different_prefixes():
    found = kinds.all_kinds().values()
    assert len({kind.prefix for kind in found}) == len(found)


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        kinds.kind_of("loan")


def test_work_by_hand_is_for_a_person():
    assert Manual().send(REFUND) == Refused("by-hand", permanent=True)


# --- Refunds: a fake client -----------------------------------------------------------------------


class Stripe:
    """The parts of the client that are used. `answer` is returned, or raised if it is an error."""

    def __init__(self, answer: object = None, listed: list | None = None) -> None:
        self.answer, self.listed = answer, listed or []
        self.calls: list[tuple] = []
        self.v1 = SimpleNamespace(refunds=self, payment_intents=self, charges=self)

    def _give(self, value: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return value

    def create(self, asked: dict, options: dict) -> object:
        self.calls.append((asked, options))
        return self._give(self.answer)

    def list(self, asked: dict) -> object:
        self.calls.append((asked,))
        return self._give(page_of(self.listed))

    def retrieve(self, payment: str) -> object:
        return self._give(self.answer)


@pytest.fixture
def stripe_says(monkeypatch, settings):
    settings.STRIPE_API_KEY = "sk_test_1"

    def say(answer: object = None, listed: list | None = None) -> Stripe:
        fake = Stripe(answer, listed)
        monkeypatch.setattr(refund, "_client", lambda: fake)
        return fake

    return say


def page_of(refunds: list, *, has_more: object = False) -> stripe.ListObject:
    values = {"object": "list", "data": refunds, "has_more": has_more, "url": "/v1/refunds"}
    return stripe.ListObject.construct_from(values, "sk_test_1")


def made(
    status: object, identity: object = "re_1", mark: str = REFUND.id, **changes: object
) -> stripe.Refund:
    values = {
        "id": identity,
        "object": "refund",
        "status": status,
        "payment_intent": "pi_1",
        "amount": 8800,
        "currency": "eur",
        "metadata": {stripe_answers.MARK: mark},
        **changes,
    }
    return stripe.Refund.construct_from(values, "sk_test_1")


def error(kind: type[stripe.StripeError], status: int, code: str = "", headers=None):
    """An error in Stripe's own words: with a body that says so."""
    said = {"json_body": {"error": {"code": code}}, "http_status": status, "headers": headers}
    if kind in (stripe.CardError, stripe.InvalidRequestError):
        return kind("No.", "param", code or None, **said)
    return kind("No.", code=code or None, **said)


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ("succeeded", Done),
        ("pending", Unknown),
        ("requires_action", Unknown),
        ("failed", Refused),
        ("canceled", Refused),
        ("something new", Unknown),
        (None, Unknown),
    ],
)
def test_only_a_refund_that_succeeded_is_done(stripe_says, status, seen):
    """I10."""
    stripe_says(made(status))
    assert type(Refund().send(REFUND)) is seen


def test_a_refund_that_is_done_has_the_providers_reference(stripe_says):
    stripe_says(made("succeeded"))
    assert Refund().send(REFUND).reference == "re_1"


def test_a_refund_that_failed_later_is_refused_for_good(stripe_says):
    """T2.5."""
    stripe_says(made("failed"))
    assert Refund().send(REFUND).permanent


def test_a_refund_without_a_number_is_not_understood(stripe_says):
    stripe_says(made("succeeded", identity=""))
    assert Refund().send(REFUND).cause == "unreadable-answer"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error(stripe.RateLimitError, 429), "too-many-requests"),
        (error(stripe.APIError, 409), "provider-busy"),
        (error(stripe.InvalidRequestError, 409, "lock_timeout"), "provider-busy"),
        (error(stripe.AuthenticationError, 401), "credentials-refused"),
        (error(stripe.PermissionError, 403), "credentials-refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_was_not_decided_is_tried_again(stripe_says, answer, cause):
    stripe_says(answer)
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, False)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error(stripe.IdempotencyError, 400), "key-mismatch"),
        (error(stripe.IdempotencyError, 409), "key-mismatch"),
        (error(stripe.InvalidRequestError, 400, "charge_already_refunded"), "already-refunded"),
        (error(stripe.InvalidRequestError, 400, "amount_too_large"), "amount-above-payment"),
        (error(stripe.InvalidRequestError, 404, "resource_missing"), "payment-not-found"),
        (error(stripe.InvalidRequestError, 400, "charge_disputed"), "payment-disputed"),
        (error(stripe.CardError, 402, "card_declined"), "card-declined"),
        (error(stripe.InvalidRequestError, 400), "refused-by-provider"),
        (error(stripe.InvalidRequestError, 400, "brand_new"), "refused-by-provider"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_was_refused_for_good_is_not_tried_again(stripe_says, answer, cause):
    stripe_says(answer)
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_on_the_providers_side_may_have_done_it(stripe_says, status):
    stripe_says(error(stripe.APIError, status))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause) == (Unknown, "provider-error")


@pytest.mark.parametrize("status", [200, 302])
def test_an_answer_that_is_no_answer_may_have_done_it(stripe_says, status):
    stripe_says(error(stripe.APIError, status))
    assert type(Refund().send(REFUND)) is Unknown


def lost(cause: str, *, never_sent: bool = False) -> stripe.APIConnectionError:
    failure = stripe.APIConnectionError("Lost.")
    failure.__cause__ = calling.CallFailed(cause, "Lost.", never_sent=never_sent)
    return failure


def test_without_a_connection_nothing_was_sent(stripe_says):
    stripe_says(lost("not-reached", never_sent=True))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)


@pytest.mark.parametrize("cause", ["no-answer", "connection-lost"])
def test_after_a_connection_it_may_have_been_done(stripe_says, cause):
    stripe_says(lost(cause))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause) == (Unknown, cause)


def test_a_failure_that_nobody_knows_may_have_come_after_sending(stripe_says):
    stripe_says(stripe.APIConnectionError("Lost."))
    assert type(Refund().send(REFUND)) is Unknown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0667", None),
    ],
)
def test_the_providers_wish_to_wait_is_read(stripe_says, value, seconds):
    stripe_says(error(stripe.RateLimitError, 429, headers={"Retry-After": value}))
    assert Refund().send(REFUND).retry_after_s == seconds


def test_the_key_of_the_effect_goes_to_the_provider(stripe_says):
    """T2.1."""
    fake = stripe_says(made("succeeded"))
    Refund().send(REFUND)
    assert fake.calls[0][1] == {"idempotency_key": REFUND.key}


def test_what_was_approved_is_what_is_sent(stripe_says):
    """I2."""
    fake = stripe_says(made("succeeded"))
    Refund().send(REFUND)
    assert fake.calls[0][0] == {
        "payment_intent": "pi_1",
        "amount": 8800,
        "reason": "duplicate",
        "metadata": {"approval_queue_effect_id": REFUND.id, "approval_queue_ref": "RF-1"},
    }


@pytest.mark.parametrize("payment", ["ch_1", "py_1"])
def test_a_charge_is_sent_as_a_charge(stripe_says, payment):
    fake = stripe_says(made("succeeded"))
    effect = Effect(**{**vars(REFUND), "payload": {**REFUND.payload, "payment": payment}})
    Refund().send(effect)
    assert fake.calls[0][0]["charge"] == payment


def test_without_a_key_nothing_is_sent(settings):
    settings.STRIPE_API_KEY = ""
    assert Refund().send(REFUND) == Refused("not-configured", permanent=False)


def test_a_refund_with_our_mark_is_found(stripe_says):
    """T2.2."""
    stripe_says(listed=[made("succeeded", "re_0", "other"), made("succeeded", "re_1")])
    assert Refund().look_up(REFUND).reference == "re_1"


def test_refunds_of_others_prove_nothing_was_sent(stripe_says):
    stripe_says(listed=[made("succeeded", "re_0", "other")])
    assert type(Refund().look_up(REFUND)) is Absent


@pytest.mark.parametrize("metadata", [None, {}, {"order": "7"}, "x", [1]], ids=str)
def test_a_refund_without_any_mark_is_not_ours(stripe_says, metadata):
    stripe_says(listed=[made("succeeded", metadata=metadata)])
    assert type(Refund().look_up(REFUND)) is Absent


@pytest.mark.parametrize(
    "answer",
    [
        error(stripe.RateLimitError, 429),
        error(stripe.InvalidRequestError, 404, "resource_missing"),
        error(stripe.AuthenticationError, 401),
        error(stripe.APIError, 500),
        lost("not-reached", never_sent=True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_question_that_failed_proves_nothing(stripe_says, answer):
    """I10."""
    stripe_says(answer)
    assert type(Refund().look_up(REFUND)) is Unknown


def test_asking_sends_nothing(stripe_says):
    fake = stripe_says()
    Refund().look_up(REFUND)
    assert all(len(call) == 1 for call in fake.calls)


# --- Refunds: before asking -----------------------------------------------------------------------


def paid(amount: object, currency: object = "eur", identity: str = "pi_1") -> stripe.StripeObject:
    values = {"id": identity, "amount_received": amount, "currency": currency}
    return stripe.PaymentIntent.construct_from(values, "sk_test_1")


def test_a_payment_is_looked_at_before_it_is_asked_for(stripe_says):
    stripe_says(paid(10_000))
    assert [(fact.label, fact.value) for fact in Refund().examine(REFUND.payload)] == [
        ("Paid", "EUR 100.00"),
        ("Refunded before", "EUR 0.00"),
        ("Refunded after", "EUR 88.00"),
    ]


def test_more_than_what_is_left_is_refused_before_it_is_asked_for(stripe_says):
    """T2.7."""
    stripe_says(paid(10_000), listed=[made("succeeded", mark="other")])
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "EUR 12.00" in caught.value.errors["amount"]


def test_what_was_done_before_a_restore_does_not_stand_in_its_own_way(stripe_says):
    """It is asked for again, with its key: all of the payment is refunded, by itself."""
    stripe_says(paid(8_800), listed=[made("succeeded", mark="other-key")])
    assert Refund().examine_again(REFUND.payload, "other-key")[1].value == "EUR 0.00"
    with pytest.raises(Invalid):
        Refund().examine_again(REFUND.payload, "a-third")


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_refunds_that_failed_do_not_count(stripe_says, status):
    stripe_says(paid(10_000), listed=[made(status)])
    assert Refund().examine(REFUND.payload)[1].value == "EUR 0.00"


def test_another_currency_is_refused_before_it_is_asked_for(stripe_says):
    stripe_says(paid(10_000, "usd"))
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "currency" in caught.value.errors


def test_a_payment_that_does_not_exist_is_refused(stripe_says):
    stripe_says(error(stripe.InvalidRequestError, 404, "resource_missing"))
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "payment" in caught.value.errors


def test_a_provider_that_does_not_answer_stops_nobody_from_asking(stripe_says):
    stripe_says(error(stripe.APIError, 500))
    assert Refund().examine(REFUND.payload)[0].value == "No: Stripe did not answer"


# --- Refunds: long lists --------------------------------------------------------------------------


class Pages:
    """A client whose list of refunds has these pages; `starting_after` is kept for each call."""

    def __init__(self, *pages: stripe.ListObject) -> None:
        self.pages, self.after = list(pages), []
        self.v1 = SimpleNamespace(refunds=self)

    def list(self, asked: dict) -> stripe.ListObject:
        self.after.append(asked.get("starting_after"))
        return self.pages[min(len(self.after), len(self.pages)) - 1]


def found_in(monkeypatch, settings, *pages: stripe.ListObject) -> tuple[object, Pages]:
    settings.STRIPE_API_KEY = "sk_test_1"
    client = Pages(*pages)
    monkeypatch.setattr(refund, "_client", lambda: client)
    return Refund().look_up(REFUND), client


def others(count: int, *, start: int = 0) -> list[stripe.Refund]:
    return [made("succeeded", f"re_x{start + n}", "other") for n in range(count)]


def test_our_refund_is_found_behind_a_hundred_others(monkeypatch, settings):
    seen, client = found_in(
        monkeypatch,
        settings,
        page_of(others(100), has_more=True),
        page_of([*others(3, start=100), made("succeeded")]),
    )
    assert (seen.reference, client.after) == ("re_1", [None, "re_x99"])


def test_the_same_refund_on_two_pages_is_one(monkeypatch, settings):
    page = page_of([made("succeeded"), *others(1)], has_more=True)
    seen, _ = found_in(monkeypatch, settings, page, page_of([made("succeeded")]))
    assert seen.reference == "re_1"


def test_two_refunds_of_ours_on_two_pages_are_two(monkeypatch, settings):
    page = page_of([made("succeeded"), *others(1)], has_more=True)
    seen, _ = found_in(monkeypatch, settings, page, page_of([made("succeeded", "re_2")]))
    assert seen.cause == "found-twice"


def test_a_list_without_end_is_not_read_for_ever_and_proves_nothing(monkeypatch, settings):
    seen, client = found_in(monkeypatch, settings, page_of(others(100), has_more=True))
    assert (type(seen), len(client.after)) == (Unknown, stripe_client.MOST_PAGES)


def test_a_list_that_takes_too_long_proves_nothing(monkeypatch, settings):
    monkeypatch.setattr(stripe_client, "LOOK_UP_S", -1)
    seen, client = found_in(monkeypatch, settings, page_of([]))
    assert (type(seen), client.after) == (Unknown, [])


@pytest.mark.parametrize(
    "page",
    [
        page_of([], has_more=True),
        page_of([], has_more=None),
        page_of([], has_more="false"),
        page_of([made("succeeded", identity=None)]),
        page_of([made("succeeded", "re_2", "other", payment_intent="pi_2")]),
        page_of(None),
        page_of({}),
        page_of(["re_1"]),
        made("succeeded"),
    ],
    ids=str,
)
def test_a_list_that_is_none_proves_nothing(monkeypatch, settings, page):
    """I10: absence lets us send again, so it has to be certain."""
    seen, _ = found_in(monkeypatch, settings, page)
    assert (type(seen), seen.cause) == (Unknown, "unreadable-answer")


def test_without_a_key_nobody_is_asked(settings):
    settings.STRIPE_API_KEY = ""
    assert type(Refund().look_up(REFUND)) is Unknown


@pytest.mark.parametrize(
    "answer",
    [paid(None), paid("10000"), paid(True), paid(1, None), paid(1, identity="pi_2"), made("x")],
    ids=str,
)
def test_a_payment_that_is_not_understood_stops_nobody_from_asking(stripe_says, answer):
    stripe_says(answer)
    assert "not understood" in Refund().examine(REFUND.payload)[0].value


def test_a_refund_without_an_amount_is_not_counted_as_nothing(stripe_says):
    stripe_says(paid(10_000), listed=[made("succeeded", amount=None)])
    assert "not understood" in Refund().examine(REFUND.payload)[0].value


@pytest.mark.parametrize(
    ("reason_code", "reason"),
    [("duplicate", "duplicate"), ("fraudulent", "fraudulent"), ("goodwill", None)],
)
def test_our_category_goes_along_only_where_stripe_has_the_same_word(
    stripe_says, reason_code, reason
):
    fake = stripe_says(made("succeeded"))
    payload = {**REFUND.payload, "reason_code": reason_code}
    Refund().send(Effect(**{**vars(REFUND), "payload": payload}))
    assert fake.calls[0][0].get("reason") == reason

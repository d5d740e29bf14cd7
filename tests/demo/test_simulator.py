"""The provider simulator, from outside: real processes, real HTTP, the real Stripe client."""

import json
import signal
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import stripe

from demo.simulator.faults import FAULTS, Faults

from .conftest import Simulator, Start, run_refused, until

PAYMENT = "pi_88120_131000_eur"
CHANGE = "/accounts/acct_5498/changes/eff_1"
NEW_PAYOUT = {"change": "payout_account", "from": "DE01", "to": "DE02"}


def refund(simulator: Simulator, *, key: str | None = "key-1", **parameters) -> stripe.Refund:
    asked = {
        "payment_intent": PAYMENT,
        "amount": 5000,
        "reason": "requested_by_customer",
        "metadata": {"approval_queue_effect_id": "eff_1"},
        **parameters,
    }
    options = {"idempotency_key": key} if key else {}
    return simulator.stripe.v1.refunds.create(asked, options)


def put_change(simulator: Simulator, path: str = CHANGE, **changes) -> httpx.Response:
    headers = {"Idempotency-Key": path.rpartition("/")[2]}
    return simulator.http.put(path, json={**NEW_PAYOUT, **changes}, headers=headers)


def error_of(response: httpx.Response) -> dict:
    assert response.headers["Content-Type"] == "application/json"
    return response.json()["error"]


# Refunds


def test_it_listens_where_it_is_told_to(start) -> None:
    simulator = start("--address", "127.0.0.2")
    assert simulator.url.startswith("http://127.0.0.2:")
    assert simulator.http.get("/healthz").status_code == 200


def test_refund_is_booked_and_can_be_looked_up(simulator: Simulator) -> None:
    made = refund(simulator)
    assert made.id.startswith("re_")
    assert (made.object, made.status) == ("refund", "succeeded")
    assert (made.amount, made.currency, made.payment_intent) == (5000, "eur", PAYMENT)
    assert made.metadata["approval_queue_effect_id"] == "eff_1"
    assert simulator.stripe.v1.refunds.retrieve(made.id) == made
    listed = simulator.stripe.v1.refunds.list({"payment_intent": PAYMENT})
    assert [found.id for found in listed.data] == [made.id]
    assert simulator.stripe.v1.refunds.list({"payment_intent": "pi_other"}).data == []


def test_same_key_and_parameters_replay_the_stored_answer(simulator: Simulator) -> None:
    first, second = refund(simulator), refund(simulator)
    assert second == first
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    [effect] = simulator.effects()
    assert (effect["key"], effect["reference"]) == ("key-1", first.id)


def test_same_key_with_other_parameters_is_refused(simulator: Simulator) -> None:
    refund(simulator)
    with pytest.raises(stripe.IdempotencyError):
        refund(simulator, amount=5001)
    assert len(simulator.effects()) == 1


def test_without_a_key_each_call_is_a_new_refund(simulator: Simulator) -> None:
    form = {"payment_intent": PAYMENT, "amount": 100}
    for _ in range(2):
        assert simulator.http.post("/v1/refunds", data=form).status_code == 200
    assert [effect["key"] for effect in simulator.effects()] == [None, None]


def test_payment_says_its_size(simulator: Simulator) -> None:
    sized = simulator.stripe.v1.payment_intents.retrieve(PAYMENT)
    assert (sized.amount, sized.amount_received, sized.currency) == (131000, 131000, "eur")
    assert sized.status == "succeeded"
    plain = simulator.stripe.v1.payment_intents.retrieve("pi_plain")
    assert (plain.amount, plain.currency) == (1_000_000, "eur")


def test_refunds_together_cannot_exceed_the_payment(simulator: Simulator) -> None:
    refund(simulator, key="a", amount=130000)
    with pytest.raises(stripe.InvalidRequestError) as too_large:
        refund(simulator, key="b", amount=1001)
    assert (too_large.value.code, too_large.value.http_status) == ("amount_too_large", 400)
    refund(simulator, key="c", amount=1000)
    with pytest.raises(stripe.InvalidRequestError) as nothing_left:
        refund(simulator, key="d", amount=1)
    assert nothing_left.value.code == "charge_already_refunded"
    assert [effect["amount"] for effect in simulator.effects()] == [130000, 1000]


def test_refund_without_amount_is_of_what_is_left(simulator: Simulator) -> None:
    refund(simulator, key="a", amount=31000)
    form = {"payment_intent": PAYMENT}
    assert simulator.http.post("/v1/refunds", data=form).json()["amount"] == 100000


def test_list_comes_in_pages(simulator: Simulator) -> None:
    made = [refund(simulator, key=f"key-{n}").id for n in range(3)]
    page = simulator.stripe.v1.refunds.list({"payment_intent": PAYMENT, "limit": 2})
    assert (len(page.data), page.has_more, page.url) == (2, True, "/v1/refunds")
    assert [found.id for found in page.auto_paging_iter()] == made[::-1]


def test_call_without_credentials_is_refused(simulator: Simulator) -> None:
    for method, path in [("POST", "/v1/refunds"), ("GET", "/v1/refunds"), ("PUT", CHANGE)]:
        assert httpx.request(method, simulator.url + path).status_code == 401
    basic = httpx.get(simulator.url + "/v1/refunds", auth=("sk_test_simulator", ""))
    assert basic.status_code == 200


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "12.5"}, "amount"),
        ({"amount": "9" * 5000}, "amount"),
        ({"currency": "usd"}, "currency"),
        ({"reason": "because"}, "reason"),
        ({"payment_intent": "in_1"}, "payment_intent"),
        ({"charge": "ch_1"}, "payment_intent"),
        ({"ammount": "1"}, "ammount"),
    ],
)
def test_refund_that_makes_no_sense_is_refused(
    simulator: Simulator, changed: dict[str, str], param: str
) -> None:
    response = simulator.http.post("/v1/refunds", data={"payment_intent": PAYMENT, **changed})
    assert (response.status_code, error_of(response)["param"]) == (400, param)
    assert simulator.effects() == []


# Account changes


def test_account_change_is_applied_once(simulator: Simulator) -> None:
    assert simulator.http.get(CHANGE).status_code == 404
    first, second = put_change(simulator), put_change(simulator)
    applied = first.json()
    assert applied.pop("reference").startswith("ch_")
    assert applied.pop("applied_at").endswith("Z")
    assert applied == {
        "id": "eff_1",
        "account": "acct_5498",
        "change": "payout_account",
        "status": "applied",
    }
    assert second.json() == first.json() == simulator.http.get(CHANGE).json()
    assert second.headers["Idempotent-Replayed"] == "true"
    [effect] = simulator.effects()
    assert (effect["target"], effect["body"]) == ("acct_5498", NEW_PAYOUT)


def test_other_change_at_the_same_address_conflicts(simulator: Simulator) -> None:
    put_change(simulator)
    response = put_change(simulator, to="DE03")
    assert (response.status_code, error_of(response)["code"]) == (409, "conflict")
    assert len(simulator.effects()) == 1


def test_unknown_change_is_refused(simulator: Simulator) -> None:
    response = put_change(simulator, change="haircut")
    assert (response.status_code, error_of(response)["code"]) == (400, "unknown_change")


# Faults


def test_hang_after_effect_books_one_effect_that_a_list_finds(start: Start) -> None:
    simulator = start("--fault", "hang_after_effect=1", "--hang-seconds", "0")
    with pytest.raises(stripe.APIConnectionError):
        refund(simulator)
    listed = simulator.stripe.v1.refunds.list({"payment_intent": PAYMENT})
    [found] = [one for one in listed.data if one.metadata["approval_queue_effect_id"] == "eff_1"]
    assert refund(simulator).id == found.id
    assert len(simulator.effects()) == 1


def test_call_is_in_progress_until_its_client_leaves(simulator: Simulator) -> None:
    simulator.set_faults(hang_after_effect=1)
    with simulator.hanging("PUT", CHANGE, json.dumps(NEW_PAYOUT)):
        response = put_change(simulator)
        assert (response.status_code, error_of(response)["code"]) == (409, "in_progress")
    until(lambda: put_change(simulator).status_code == 200)
    assert put_change(simulator).headers["Idempotent-Replayed"] == "true"
    assert len(simulator.effects()) == 1


def test_refund_key_in_use_is_a_conflict(simulator: Simulator) -> None:
    simulator.set_faults(hang_after_effect=1)
    with (
        simulator.hanging("POST", "/v1/refunds", f"payment_intent={PAYMENT}", key="key-1"),
        pytest.raises(stripe.APIError) as conflict,
    ):
        refund(simulator, key="key-1")
    assert conflict.value.http_status == 409
    assert conflict.value.error.code == "idempotency_key_in_use"


def test_error_after_effect_is_stored_for_the_key(simulator: Simulator) -> None:
    simulator.set_faults(error_after_effect=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            refund(simulator)
        assert failure.value.http_status == 500
    assert failure.value.headers["Idempotent-Replayed"] == "true"
    [effect] = simulator.effects()
    listed = simulator.stripe.v1.refunds.list({"payment_intent": PAYMENT})
    assert [found.id for found in listed.data] == [effect["reference"]]


def test_account_change_after_an_error_is_found_at_its_address(simulator: Simulator) -> None:
    simulator.set_faults(error_after_effect=1)
    assert put_change(simulator).status_code == 500
    assert simulator.http.get(CHANGE).json()["status"] == "applied"
    assert put_change(simulator).status_code == 200
    assert len(simulator.effects()) == 1


def test_ignored_keys_double_refunds_and_changes(simulator: Simulator) -> None:
    simulator.set_faults(ignore_keys=1)
    assert refund(simulator).id != refund(simulator).id
    assert put_change(simulator).json()["reference"] != put_change(simulator).json()["reference"]
    assert [effect["kind"] for effect in simulator.effects()] == ["refund"] * 2 + [
        "account_change"
    ] * 2


def test_rate_limit_says_when_to_come_back(simulator: Simulator) -> None:
    simulator.set_faults(rate_limit=1)
    with pytest.raises(stripe.RateLimitError) as limited:
        refund(simulator)
    assert limited.value.headers["Retry-After"] == "60"
    response = put_change(simulator)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert simulator.effects() == []


def test_refuse_before_closes_without_effect(simulator: Simulator) -> None:
    simulator.set_faults(refuse_before=1)
    with pytest.raises(stripe.APIConnectionError):
        refund(simulator)
    with pytest.raises(httpx.RemoteProtocolError):
        put_change(simulator)
    ledger = simulator.http.get("/ledger?calls=1").json()
    assert ledger["effects"] == []
    assert [call["answered"] for call in ledger["calls"]] == ["closed", "closed"]


def test_rejection_is_definitive(simulator: Simulator) -> None:
    simulator.set_faults(reject=1)
    with pytest.raises(stripe.InvalidRequestError) as rejected:
        refund(simulator)
    assert rejected.value.code == "charge_disputed"
    response = put_change(simulator)
    assert (response.status_code, error_of(response)["code"]) == (422, "account_number_rejected")
    assert simulator.effects() == []


def test_refund_fails_later_and_frees_its_amount(start: Start) -> None:
    simulator = start("--fault", "fail_later=1", "--fail-later-seconds", "0")
    made = refund(simulator, amount=131000)
    assert made.status == "succeeded"
    found = simulator.stripe.v1.refunds.retrieve(made.id)
    assert (found.status, found.failure_reason) == ("failed", "expired_or_canceled_card")
    assert refund(simulator, key="key-2", amount=131000).status == "succeeded"


def test_slow_answer_is_right(start: Start) -> None:
    simulator = start("--fault", "slow=1", "--slow-seconds", "0")
    assert simulator.stripe.v1.refunds.retrieve(refund(simulator).id).status == "succeeded"
    assert simulator.effects()[0]["faults"] == ["slow"]


def test_duplicate_webhook_is_noted(simulator: Simulator) -> None:
    simulator.set_faults(duplicate_webhook=1)
    refund(simulator)
    assert simulator.effects()[0]["faults"] == ["duplicate_webhook"]


def test_answer_of_another_is_booked_and_confirms_something_else(simulator: Simulator) -> None:
    simulator.set_faults(answer_of_another=1)
    made = refund(simulator)
    assert made.metadata["approval_queue_effect_id"] == "another"
    assert put_change(simulator).json()["id"] == "another"
    listed = simulator.stripe.v1.refunds.list({"payment_intent": PAYMENT}).data
    assert [one.metadata["approval_queue_effect_id"] for one in listed] == ["eff_1"]
    assert listed[0].id != made.id
    assert simulator.http.get(CHANGE).json()["id"] == "eff_1"


def test_garbage_is_a_page_that_says_200(simulator: Simulator) -> None:
    simulator.set_faults(garbage=1)
    for response in (put_change(simulator), simulator.http.get(CHANGE)):
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert len(simulator.effects()) == 1


def test_huge_is_20_megabytes(simulator: Simulator) -> None:
    simulator.set_faults(huge=1)
    assert len(put_change(simulator).content) > 20_000_000


def test_drip_comes_byte_by_byte_and_is_right(start: Start) -> None:
    simulator = start("--fault", "drip=1", "--drip-seconds", "0.001")
    assert put_change(simulator).json()["status"] == "applied"


def test_a_client_that_leaves_ends_a_drip(start: Start) -> None:
    simulator = start("--fault", "drip=1", "--drip-seconds", "3600")
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.get(CHANGE, timeout=0.2)
    simulator.http.delete("/faults")
    assert put_change(simulator).status_code == 200
    simulator.process.send_signal(signal.SIGTERM)
    assert simulator.process.wait(timeout=30) == 0


def test_an_older_ledger_is_read(start: Start, tmp_path: Path) -> None:
    before = start()
    refund(before)
    before.kill()
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as ledger:
        ledger.execute("ALTER TABLE effects DROP COLUMN succeeds_at")
    assert [effect["status"] for effect in start().effects()] == ["succeeded"]


def test_look_ups_can_be_unavailable_while_writes_work(simulator: Simulator) -> None:
    simulator.set_faults(look_up_unavailable=1)
    assert refund(simulator).status == "succeeded"
    assert put_change(simulator).status_code == 200
    for path in [CHANGE, "/v1/refunds", f"/v1/payment_intents/{PAYMENT}"]:
        assert simulator.http.get(path).status_code == 503


def test_scoped_fault_strikes_its_target_alone(start: Start) -> None:
    simulator = start("--fault", "rate_limit@acct_5498=1")
    assert put_change(simulator).status_code == 429
    assert put_change(simulator, "/accounts/acct_2/changes/eff_2").status_code == 200
    assert refund(simulator).status == "succeeded"


def test_scoped_fault_wins_over_the_general_one(simulator: Simulator) -> None:
    simulator.http.post("/faults", json={"rate_limit": 1, f"rate_limit@{PAYMENT}": 0})
    assert refund(simulator).status == "succeeded"
    assert put_change(simulator).status_code == 429


def test_faults_are_added_shown_and_cleared(simulator: Simulator) -> None:
    simulator.set_faults(slow=0.25)
    table = {"reject": 1.0, "slow": 0.25}
    assert simulator.http.post("/faults", json={"reject": 1}).json() == table
    assert simulator.http.get("/faults").json() == table
    assert simulator.http.delete("/faults").json() == {}
    assert refund(simulator).status == "succeeded"


@pytest.mark.parametrize(
    "table",
    [
        {"explode": 1},
        {"slow": 1.5},
        {"slow": -1},
        {"slow": "1"},
        {"slow": True},
        {"slow": None},
        {"slow@": 1},
    ],
)
def test_bad_fault_is_refused_and_changes_nothing(simulator: Simulator, table: dict) -> None:
    response = simulator.http.post("/faults", json={"reject": 1, **table})
    assert (response.status_code, error_of(response)["code"]) == (400, "bad_fault")
    assert simulator.http.get("/faults").json() == {}


@pytest.mark.parametrize("fault", ["explode=1", "slow=2", "slow=nan", "slow=often", "slow"])
def test_bad_fault_on_the_command_line_ends_with_a_sentence(tmp_path: Path, fault: str) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    ended = run_refused("--port", "0", "--ledger", str(ledger), "--fault", fault)
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith(".")
    assert "Traceback" not in ended.stderr
    assert not ledger.exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_set(name: str) -> None:
    assert Faults({name: 1}).strikes(name, target=None)


def test_seed_makes_draws_repeatable() -> None:
    def draws() -> list[bool]:
        faults = Faults({"slow": 0.5}, seed=7)
        return [faults.strikes("slow", target=None) for _ in range(50)]

    assert draws() == draws()
    assert set(draws()) == {True, False}


# The process


def test_ledger_survives_kill_and_restart(start: Start) -> None:
    before = start("--fault", "hang_after_effect=1", "--hang-seconds", "0")
    with pytest.raises(stripe.APIConnectionError):
        refund(before)
    effects = before.effects()
    before.kill()
    after = start()
    assert after.effects() == effects
    assert refund(after).id == effects[0]["reference"]
    assert after.http.get("/ledger").json()["calls_count"] == 2


def test_killed_while_hanging_leaves_effect_and_key(start: Start) -> None:
    before = start("--fault", "hang_after_effect=1", "--hang-seconds", "3600")
    body = f"payment_intent={PAYMENT}&amount=7"
    with before.hanging("POST", "/v1/refunds", body, key="key-1"):
        before.kill()
    after = start()
    replayed = after.http.post(
        "/v1/refunds",
        data={"amount": "7", "payment_intent": PAYMENT},
        headers={"Idempotency-Key": "key-1"},
    )
    assert replayed.headers["Idempotent-Replayed"] == "true"
    calls = after.http.get("/ledger?calls=1").json()["calls"]
    assert [call["answered"] for call in calls] == [None, "200"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_also_while_a_call_hangs(start: Start, stop: signal.Signals) -> None:
    simulator = start("--fault", "hang_after_effect=1", "--hang-seconds", "3600")
    with simulator.hanging("PUT", CHANGE, json.dumps(NEW_PAYOUT)):
        simulator.process.send_signal(stop)
        assert simulator.process.wait(timeout=30) == 0


def test_port_in_use_ends_with_a_sentence(simulator: Simulator, tmp_path: Path) -> None:
    port = str(httpx.URL(simulator.url).port)
    ended = run_refused("--port", port, "--ledger", str(tmp_path / "other.sqlite3"))
    assert ended.returncode == 2
    assert f"Port {port} can't be used" in ended.stderr


def test_ledger_that_is_no_ledger_ends_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database, and must not become one. " * 100)
    ended = run_refused("--port", "0", "--ledger", str(path))
    assert ended.returncode == 2
    assert "can't be opened" in ended.stderr


def test_parallel_repeats_make_one_refund(simulator: Simulator) -> None:
    def ask(_: int) -> int:
        form = {"payment_intent": PAYMENT, "amount": 5}
        headers = {"Idempotency-Key": "key-1"}
        return simulator.http.post("/v1/refunds", data=form, headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert set(answers) <= {200, 409}
    assert len(simulator.effects()) == 1


# What clients get wrong


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"change": NaN}', b"[" * 60000, b"9" * 6000]
)
def test_malformed_json_is_refused(simulator: Simulator, body: bytes) -> None:
    for method, path in [("PUT", CHANGE), ("POST", "/faults")]:
        response = simulator.http.request(method, path, content=body)
        assert (response.status_code, error_of(response)["code"]) == (400, "malformed")
    assert simulator.effects() == []


@pytest.mark.parametrize("body", [b"amount", b"\xff=1", b"amount=%ff", b"&&", b"a=1&" * 300])
def test_malformed_form_is_refused(simulator: Simulator, body: bytes) -> None:
    response = simulator.http.post("/v1/refunds", content=body)
    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


def test_body_is_bounded(simulator: Simulator) -> None:
    for size in (64 * 1024 + 1, 900_000):
        response = simulator.http.put(CHANGE, content=b" " * size)
        assert (response.status_code, error_of(response)["code"]) == (413, "too_large")
    assert put_change(simulator).status_code == 200


def test_key_that_is_too_long_is_refused(simulator: Simulator) -> None:
    headers = {"Idempotency-Key": "k" * 256}
    response = simulator.http.put(CHANGE, json=NEW_PAYOUT, headers=headers)
    assert response.status_code == 400


def test_unknown_paths_and_methods_are_refused_in_json(simulator: Simulator) -> None:
    unknown = simulator.http.get(f"/v1/{uuid.uuid4()}")
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "not_found")
    wrong = simulator.http.delete("/v1/refunds")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST, GET")
    assert error_of(simulator.http.options("/ledger"))["code"] == "malformed"
    assert simulator.http.get("/healthz").json() == {"status": "ok"}


def test_body_of_unknown_length_is_refused(simulator: Simulator) -> None:
    response = simulator.http.put(CHANGE, content=iter([b"{}"]))
    assert (response.status_code, error_of(response)["code"]) == (411, "length_required")

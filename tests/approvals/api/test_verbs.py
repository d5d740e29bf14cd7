"""Commands by API: what was seen, keys, replays and preconditions (T1.x, T5.2, T5.3)."""

import pytest

from approvals.api.verbs import VERBS
from approvals.models import ApprovalRequest, Decision, IdempotencyRecord
from audit.models import Event
from tests.approvals.api.conftest import code, problem


@pytest.fixture
def finance(calls, cast):
    return calls(cast.approver)


@pytest.fixture
def operator(calls, cast):
    return calls(cast.operator)


SEEN = {"revision": 1, "step": 1}


def test_an_approval_counts_and_answers_with_the_request(finance, cast):
    item = cast.ask()
    response = finance.post(f"/requests/{item.ref}/approve", SEEN)
    assert response.status_code == 200, response.content
    assert response["ETag"] == '"2"'
    assert response.json()["state"] == "approved"
    assert response.json()["version"] == 2
    event = Event.objects.get(stream=item.stream, seq=2)
    assert (event.action, event.auth_method) == ("request.approve", "token")


def test_every_verb_of_the_contract_is_there():
    contract = (
        "approve reject send-back resubmit withdraw take-back claim release assign hold resume try-again"
        " ask-provider settle confirm-settlement note"
    )
    assert set(VERBS) == {*contract.split(), "remind", "copy-reply"}


def test_a_decision_without_what_was_seen_is_told_so(finance, cast):
    item = cast.ask()
    for body in ({}, {"revision": 1}, {"step": 1}, b""):
        assert code(finance.post(f"/requests/{item.ref}/approve", body)) == "revision-required"
    response = finance.post(f"/requests/{item.ref}/approve", {"revision": "1", "step": 1})
    assert code(response) == "validation"


def test_another_revision_names_what_changed(finance, cast, now):
    """I5, T7.4"""
    item = cast.ask()
    from approvals.commands import submit

    changed = cast.refund_arguments(payload={**item.payload, "amount": 9900})
    changed.pop("kind")
    submit.resubmit(ref=item.ref, by=cast.requester, at=now, key=cast.key(), revision=1, **changed)
    body = problem(finance.post(f"/requests/{item.ref}/approve", SEEN))
    assert body["type"] == "/problems/revision-mismatch"
    amounts = next(change for change in body["changes"] if change["field"] == "Amount")
    assert (amounts["seen"], amounts["now"]) == ("EUR 88.00", "EUR 99.00")


def test_a_closed_step_says_who_closed_it(finance, calls, cast):
    item = cast.approve(cast.ask(), cast.second_approver)
    body = problem(finance.post(f"/requests/{item.ref}/approve", SEEN))
    assert body["type"] == "/problems/step-closed"
    assert body["closed_by"] == cast.second_approver.name
    assert body["closed_at"]


def test_a_token_cannot_decide_where_a_person_must_be_present(finance, cast):
    item = cast.ask(payload={"amount": 900000})
    response = finance.post(f"/requests/{item.ref}/approve", SEEN)
    assert (response.status_code, problem(response)["rule"]) == (403, "person-present")
    assert cast.approve(item).version == 2  # the same person in the browser


def test_nobody_decides_their_own_request_by_token_either(calls, cast):
    """I4, abuse case 2"""
    from accounts.models import Membership, Team

    Membership.objects.create(user=cast.requester, group=Team.objects.get(name="Finance"))
    item = cast.ask()
    response = calls(cast.requester).post(f"/requests/{item.ref}/approve", SEEN)
    assert (response.status_code, problem(response)["rule"]) == (403, "requester")
    assert Event.objects.filter(outcome="denied", reason_code="requester").exists()


def test_a_whole_life_by_api(calls, finance, operator, cast):
    support = calls(cast.requester)
    ref = support.post("/requests", cast.refund_arguments()).json()["ref"]
    steps = [
        (finance, "send-back", {**SEEN, "reason": "Which order?"}, "sent_back"),
        (support, "resubmit", {"revision": 1, **_changed(cast)}, "pending"),
        (operator, "claim", {}, "pending"),
        (operator, "note", {"reason": "Carrier asked."}, "pending"),
        (operator, "release", {}, "pending"),
        (finance, "approve", {"revision": 2, "step": 1}, "approved"),
        (finance, "take-back", {}, "pending"),
        (finance, "approve", {"revision": 2, "step": 1}, "approved"),
        (operator, "hold", {"reason": "Asking."}, "approved"),
        (operator, "resume", {}, "approved"),
        (support, "withdraw", {"reason": "It arrived."}, "withdrawn"),
    ]
    for caller, verb, body, state in steps:
        response = caller.post(f"/requests/{ref}/{verb}", body)
        assert response.status_code == 200, (verb, response.content)
        assert response.json()["state"] == state
        assert response["ETag"] == f'"{response.json()["version"]}"'


def _changed(cast):
    changed = cast.refund_arguments(payload={"amount": 7700})
    del changed["kind"]
    return changed


# --- Keys -------------------------------------------------------------------------------------------


def written():
    return (
        ApprovalRequest.objects.count(),
        Decision.objects.count(),
        Event.objects.count(),
        IdempotencyRecord.objects.count(),
    )


def effects():
    """Without the events of refused attempts."""
    return [
        *ApprovalRequest.objects.values_list("ref", "version"),
        IdempotencyRecord.objects.count(),
    ]


def test_without_a_key_nothing_is_recorded(operator, cast):
    """T1.1"""
    item = cast.ask()
    before = written()
    assert code(operator.post(f"/requests/{item.ref}/claim", key=None)) == "idempotency-key-missing"
    assert written() == before


@pytest.mark.parametrize(
    "key", ["  ", "x" * 256, "a\tb", "ä", '""', "a,b", '"a","b"', "a b", "\x7f"]
)
def test_a_key_that_cannot_be_one_is_refused(operator, cast, key):
    """T1.6"""
    item = cast.ask()
    before = written()
    response = operator.post(f"/requests/{item.ref}/claim", key=key)
    assert code(response) == "idempotency-key-malformed"
    assert written() == before


def test_a_key_of_255_characters_will_do_bare_and_quoted(operator, cast):
    """T1.7"""
    item = cast.ask()
    key = "k" * 255
    first = operator.post(f"/requests/{item.ref}/claim", key=key)
    again = operator.post(f"/requests/{item.ref}/claim", key=f'"{key}"')
    assert first.status_code == again.status_code == 200
    assert again["Idempotent-Replayed"] == "true"


def test_the_same_again_is_answered_byte_for_byte(operator, cast, now):
    """T1.2, I6, abuse case 40: also when the request has moved on since."""
    item = cast.ask()
    first = operator.post(f"/requests/{item.ref}/claim", key="same")
    operator.post(f"/requests/{item.ref}/note", {"reason": "Something else."})
    before = written()
    again = operator.post(f"/requests/{item.ref}/claim", key="same")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (first["ETag"], again["ETag"]) == ('"2"', '"2"')
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert written() == before


def test_a_new_request_is_replayed_as_new(calls, cast):
    support, wanted = calls(cast.requester), cast.refund_arguments()
    first = support.post("/requests", wanted, key="order-1")
    again = support.post("/requests", wanted, key="order-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Location"] == first["Location"]


def test_a_used_key_with_another_body_object_or_command_is_refused(operator, cast):
    """T1.3"""
    one, other = cast.ask(), cast.ask()
    operator.post(f"/requests/{one.ref}/note", {"reason": "One."}, key="k")
    before = effects()
    for path, body in [
        (f"/requests/{one.ref}/note", {"reason": "Two."}),
        (f"/requests/{other.ref}/note", {"reason": "One."}),
        (f"/requests/{one.ref}/claim", {}),
    ]:
        assert code(operator.post(path, body, key="k")) == "idempotency-key-reused"
    assert effects() == before


def test_two_callers_may_use_the_same_key(finance, calls, cast):
    """T1.5"""
    item = cast.ask()
    first = calls(cast.operator).post(f"/requests/{item.ref}/note", {"reason": "Mine."}, key="k")
    second = finance.post(f"/requests/{item.ref}/note", {"reason": "Mine."}, key="k")
    assert (first.status_code, second.status_code) == (200, 200)
    assert "Idempotent-Replayed" not in second
    assert ApprovalRequest.objects.get(pk=item.pk).version == 3


def test_a_stored_refusal_is_the_same_refusal(finance, cast):
    """T1.10: bytes and all; a new key is judged afresh."""
    item = cast.approve(cast.ask(), cast.second_approver)
    first = finance.post(f"/requests/{item.ref}/approve", SEEN, key="late")
    again = finance.post(f"/requests/{item.ref}/approve", SEEN, key="late")
    assert first.content == again.content
    assert (first.status_code, again["Idempotent-Replayed"]) == (409, "true")
    assert "Idempotent-Replayed" not in finance.post(f"/requests/{item.ref}/approve", SEEN)


def test_a_replay_is_only_for_eyes_that_may_still_see(operator, cast):
    """T1.12"""
    from accounts.models import Membership

    item = cast.ask()
    operator.post(f"/requests/{item.ref}/claim", key="k")
    Membership.objects.filter(user=cast.operator).delete()
    response = operator.post(f"/requests/{item.ref}/claim", key="k")
    assert code(response) == "not-found"


def test_after_a_fault_the_same_key_is_carried_out(operator, cast, monkeypatch):
    """T1.9"""
    item = cast.ask()
    from approvals.commands import frame

    with monkeypatch.context() as broken:
        broken.setattr(frame, "commit", lambda *_, **__: 1 / 0)
        response = operator.post(f"/requests/{item.ref}/claim", key="k")
        assert (response.status_code, code(response)) == (500, "internal")
        assert "not known" in problem(response)["detail"]
    response = operator.post(f"/requests/{item.ref}/claim", key="k")
    assert response.status_code == 200
    assert "Idempotent-Replayed" not in response


def test_what_became_of_a_command(operator, finance, cast):
    item = cast.ask()
    assert code(operator.get("/commands/lost")) == "not-found"
    operator.post(f"/requests/{item.ref}/claim", key="lost/1?")
    found = operator.get("/commands/lost%2F1%3F").json()
    assert (found["outcome"], found["ref"], found["version"]) == ("carried_out", item.ref, 2)
    assert code(finance.get("/commands/lost%2F1%3F")) == "not-found"


# --- Preconditions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", ['"99"', 'W/"1"', '"0"', '"x"', '"5", "6"', '"-1"', '""'])
def test_a_version_that_no_longer_holds_is_refused(operator, cast, etag):
    """T5.2: a weak one never holds."""
    item = cast.ask()
    response = operator.post(f"/requests/{item.ref}/claim", If_Match=etag)
    assert code(response) == "version-mismatch"
    assert ApprovalRequest.objects.get(pk=item.pk).version == 1


@pytest.mark.parametrize("etag", ['"1"', "*", '"7", "1"', ' "1" '])
def test_a_version_that_holds_is_honoured(operator, cast, etag):
    item = cast.ask()
    assert operator.post(f"/requests/{item.ref}/claim", If_Match=etag).status_code == 200


@pytest.mark.parametrize("etag", ["1", "abc", '"1', "", ","])
def test_a_precondition_that_cannot_be_read_is_refused(operator, cast, etag):
    item = cast.ask()
    assert code(operator.post(f"/requests/{item.ref}/claim", If_Match=etag)) == "malformed"


def test_a_replay_comes_before_the_precondition(operator, cast):
    """The version has moved by our own success."""
    item = cast.ask()
    first = operator.post(f"/requests/{item.ref}/claim", key="k", If_Match='"1"')
    again = operator.post(f"/requests/{item.ref}/claim", key="k", If_Match='"1"')
    assert (again.status_code, again.content) == (200, first.content)


# --- What was never there ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "pointer"),
    [({"revision": 2, "step": 1}, "/revision"), ({"revision": 1, "step": 7}, "/step")],
)
def test_what_nobody_can_have_seen_is_said_to_be_unknown(finance, cast, seen, pointer):
    """Not that it changed, or that somebody else was faster: neither is true."""
    item = cast.ask()
    body = problem(finance.post(f"/requests/{item.ref}/approve", seen))
    assert body["type"] == "/problems/validation"
    assert [error["pointer"] for error in body["errors"]] == [pointer]
    assert not IdempotencyRecord.objects.filter(answer__ref=item.ref, operation="approve").exists()


def test_the_kept_status_is_the_one_that_was_answered(calls, cast):
    support = calls(cast.requester)
    support.post("/requests", cast.refund_arguments(), key="new")
    assert support.get("/commands/new").json()["status"] == 201


def test_an_answer_says_which_event_it_recorded_and_a_replay_says_the_same(cast, calls):
    """A receipt: whoever keeps it can tell whether the record still says so."""
    api = calls(cast.operator)
    item = cast.ask()
    answers = [
        api.post(f"/requests/{item.ref}/claim", {}, key="K-1").json()["event"] for _ in range(2)
    ]
    event = Event.objects.get(stream=item.stream, seq=2)
    told = {"stream": item.stream, "seq": 2, "hash": bytes(event.hash).hex()}
    assert answers == [told, told]
    assert api.get("/commands/K-1").json()["event"] == told

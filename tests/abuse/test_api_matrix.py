"""Every operation of the API × every scope of a token × every role, on what is theirs, not theirs and not there.

The operations are those of the API's own document: one without a row here fails. Each call is undone
before the next, so that all of them see the same request: a refund of Sofia's that waits for Finance,
and for what is not possible there the same one when it is tried again and again.
"""

import functools
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Scope, User
from approvals.api.v1 import api
from approvals.models import ApprovalRequest
from audit.models import Event, Outcome
from tests.approvals.api.conftest import calls  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("db")

READ, ASK, RUN, DECIDE = Scope.READ, Scope.SUBMIT, Scope.OPERATE, Scope.DECIDE
ROLES = ("support", "support2", "finance1", "ops", "auditor", "admin", "stranger", "webshop")
# By operation: which scopes open it (one is enough), and what each role gets. 2: done, 4: as if it were not
# there, f: refused by a rule, c: not now, u: there is nobody or nothing of that kind.
TABLE: dict[str, tuple[set[Scope], str]] = {
    "listRequests": ({READ}, "22222222"),
    "submit": ({ASK}, "22f2fff2"),
    "getRequest": ({READ}, "22222242"),
    "listEvents": ({READ}, "22222242"),
    "listAttempts": ({READ}, "ff22224f"),
    "getAnswer": ({READ}, "22222242"),
    "listApprovers": ({READ}, "22222242"),
    "approve": ({DECIDE}, "ff2fff4f"),
    "reject": ({DECIDE}, "ff2fff4f"),
    "send_back": ({DECIDE}, "ff2fff4f"),
    "take_back": ({DECIDE}, "cccccc4f"),
    "resubmit": ({ASK}, "2fffff4f"),
    "withdraw": ({ASK, RUN}, "2ff2ff4f"),
    "note": ({ASK, RUN, DECIDE}, "22222242"),
    "copy_reply": ({ASK, RUN, DECIDE}, "22222242"),
    "claim": ({RUN}, "fff2ff4f"),
    "release": ({RUN}, "ffffff4f"),
    "remind": ({ASK, RUN}, "2ff2ff4f"),
    "assign": ({RUN}, "fff2ff4f"),
    "hold": ({RUN}, "cccccc4c"),
    "resume": ({RUN}, "ffffff4f"),
    "try_again": ({RUN}, "cccccc4c"),
    "ask_provider": ({RUN}, "cccccc4c"),
    "settle": ({RUN}, "cccccc4c"),
    "confirm_settlement": ({RUN, DECIDE}, "cccccc4c"),
    "followEvents": ({READ}, "22222222"),
    "getCommand": ({READ, ASK, RUN, DECIDE}, "44444444"),
    "simulatePolicy": ({READ}, "fffff24f"),
}
NOT_THERE = ("ops", "stranger", "webshop")  # who asks for a request that there is not
# What the same request allows when its provider did not answer.
RETRYING = {"hold": "fff2ff4f", "try_again": "fff2ff4f"}
SEEN = {"revision": 1, "step": 1}
BODIES: dict[str, dict[str, Any]] = {
    "approve": SEEN,
    "reject": {**SEEN, "reason": "No."},
    "send_back": {**SEEN, "reason": "Which one?"},
    "withdraw": {"reason": "Not needed."},
    "note": {"reason": "Called."},
    "hold": {"reason": "Wait."},
    "copy_reply": {"language": "en"},
    "settle": {"revision": 1, "happened": True, "reason": "Seen there."},
    "confirm_settlement": {"revision": 1},
}
WORDS = {200: "2", 201: "2", 403: "f", 404: "4", 409: "c", 422: "u", 412: "c"}


@functools.cache
def operations() -> dict[str, tuple[str, str]]:
    """By name, method and path below the API."""
    found = {}
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                found[operation["operationId"]] = (method, path)
    return found


@pytest.fixture
def item(cast) -> ApprovalRequest:
    return cast.ask()


@pytest.fixture
def sent(cast, item, calls):  # noqa: F811
    """Sends an operation with a token of these scopes, and undoes what it did; the answer."""
    bodies = {
        **BODIES,
        "submit": cast.refund_arguments(),
        "resubmit": _changed(cast, item),
        "assign": {"to": User.objects.get(email="ops2@demo.test").email},
        "simulatePolicy": {
            "rules": item.policy_version.table,
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-12-31T00:00:00Z",
        },
    }
    callers: dict[tuple, Any] = {}

    def send(name: str, user: User, *scopes: str, ref: str = ""):
        if (user.pk, scopes) not in callers:
            callers[user.pk, scopes] = calls(user, *scopes)
        caller = callers[user.pk, scopes]
        method, path = operations()[name]
        path = path.removeprefix("/api/v1").format(ref=ref or item.ref, slug="refunds", key="k-0")
        with transaction.atomic():
            if method == "get":
                answer = caller.get(path)
            else:
                answer = caller.post(path, json.dumps(bodies.get(name, {})).encode())
            transaction.set_rollback(True)
        return answer

    return send


def _changed(cast, item: ApprovalRequest) -> dict[str, Any]:
    changed = cast.refund_arguments(payload={**item.payload, "amount": 8700})
    changed.pop("kind")
    return {**changed, "revision": 1}


def _of(role: str) -> User:
    email = f"{role}@demo.test"
    if role == "stranger":
        return User.objects.get_or_create(email=email, defaults={"name": "Sam Stranger"})[0]
    return User.objects.get(email=email)


def _scopes(user: User) -> list[str]:
    return [scope for scope in Scope.values if not (user.is_service and scope == DECIDE)]


def test_each_operation_has_a_row():
    assert set(operations()) == set(TABLE)


def test_a_token_opens_what_its_scope_says_and_nothing_else(cast, sent):
    wrong = []
    for name, (needed, _) in TABLE.items():
        for scope in Scope:
            answer = sent(name, cast.operator, scope)
            said = answer.json() if answer.status_code == 403 else {}
            is_open = said.get("rule") != "scope"
            if is_open != (scope in needed):
                wrong.append(f"{name} with {scope}: {answer.status_code}")
            if not is_open and "Nothing was recorded" not in said["detail"]:
                wrong.append(f"{name} with {scope} says {said}")
    assert not wrong, "\n".join(wrong)


def test_each_role_gets_what_its_row_says(cast, sent):
    found = _rows(sent, TABLE)
    assert {name: row for name, row in found.items() if row != TABLE[name][1]} == {}


def _rows(sent, names: Iterable[str]) -> dict[str, str]:
    return {
        name: "".join(
            WORDS.get(sent(name, (user := _of(role)), *_scopes(user)).status_code, "?")
            for role in ROLES
        )
        for name in names
    }


def test_each_role_gets_what_its_row_says_of_a_request_that_is_retried(cast, item, sent):
    cast.approve(item)
    assert cast.run(item) == "postponed"
    assert _rows(sent, RETRYING) == RETRYING


def test_what_is_not_theirs_answers_as_what_is_not_there(cast, item, sent):
    told_apart = []
    for name, (needed, row) in TABLE.items():
        if "{ref}" not in operations()[name][1]:
            continue
        for role in NOT_THERE:
            user, word = _of(role), row[ROLES.index(role)]
            if needed.isdisjoint(_scopes(user)):
                continue
            missing = sent(name, user, *_scopes(user), ref="RF-999999")
            if missing.status_code != 404:
                told_apart.append(f"{name} of nothing as {role}: {missing.status_code}")
            elif word == "4":
                there = sent(name, user, *_scopes(user))
                if _plain(there, item.ref) != _plain(missing, "RF-999999"):
                    told_apart.append(f"{name} as {role}: {there.content!r} {missing.content!r}")
    assert not told_apart, "\n".join(told_apart)


def _plain(answer, ref: str) -> tuple:
    body = {**answer.json(), "request_id": "", "instance": ""}
    return answer.status_code, json.dumps(body).replace(ref, "REF")


def test_the_key_of_somebody_else_s_command_answers_as_one_that_nobody_used(cast, item, calls):  # noqa: F811
    asked, other = calls(cast.requester), calls(cast.operator)
    assert asked.post(f"/requests/{item.ref}/note", {"reason": "x"}, key="k-1").status_code == 200
    assert asked.get("/commands/k-1").status_code == 200
    there, missing = other.get("/commands/k-1"), other.get("/commands/k-2")
    assert there.status_code == 404
    assert _plain(there, "k-1") == _plain(missing, "k-2")


def test_without_a_living_token_nothing_opens(cast, client):
    for name, (method, path) in operations().items():
        path = path.format(ref="RF-1", slug="refunds", key="k")
        for headers in ({}, {"Authorization": f"Bearer aq_{'a' * 8}_{'b' * 43}"}):
            send = client.get if method == "get" else client.post
            assert send(path, headers=headers).status_code in (401, 429), name


def test_a_refusal_by_a_rule_is_an_event(cast, item, calls):  # noqa: F811
    before = Event.objects.filter(outcome=Outcome.DENIED).count()
    answer = calls(cast.requester, DECIDE).post(f"/requests/{item.ref}/approve", SEEN)
    assert answer.status_code == 403
    assert Event.objects.filter(outcome=Outcome.DENIED).count() == before + 1

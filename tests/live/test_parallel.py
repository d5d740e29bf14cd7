"""Many at once against a real server: one effect, one answer, and nobody waits for ever."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection, transaction

from approvals.models import ApprovalRequest, Decision, IdempotencyRecord
from audit.models import Event
from tests.demo.conftest import until

pytestmark = pytest.mark.worker
MANY = int(os.environ.get("IDENTICAL_POSTS", "600"))


def at_once(number: int, call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(min(number, 64)) as pool:
        return list(pool.map(call, range(number)))


def statuses(responses: list[httpx.Response]) -> Counter:
    return Counter(response.status_code for response in responses)


def is_in_flight(response: httpx.Response) -> bool:
    return (
        response.status_code == 409
        and response.json()["type"] == "/problems/command-in-flight"
        and int(response.headers["Retry-After"]) > 0
    )


def test_identical_posts_have_one_effect_and_one_answer(serve, everything, cast) -> None:
    """T1.4, abuse case 25: with `IDENTICAL_POSTS=10000` as many as that."""
    wanted = cast.refund_arguments()
    client = serve().client(everything)

    def post(_: int) -> httpx.Response:
        return client.post("/requests", json=wanted, headers={"Idempotency-Key": "one"})

    responses = at_once(MANY, post)
    assert all(r.status_code == 201 or is_in_flight(r) for r in responses), statuses(responses)
    bodies = {response.content for response in responses if response.status_code == 201}
    assert len(bodies) == 1
    assert post(0).content in bodies
    assert ApprovalRequest.objects.count() == 1
    assert Event.objects.filter(action="request.submit").count() == 1
    assert IdempotencyRecord.objects.count() == 1


def test_writes_that_saw_the_same_version_succeed_once(serve, everything, cast) -> None:
    """T5.3"""
    item = cast.ask()
    client = serve().client(everything)

    def note(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"n-{number}", "If-Match": '"1"'}
        return client.post(f"/requests/{item.ref}/note", json={"reason": "x"}, headers=headers)

    assert statuses(at_once(20, note)) == {200: 1, 412: 19}
    assert ApprovalRequest.objects.get(pk=item.pk).version == 2


def test_twenty_approvals_of_one_person_are_one_vote(serve, token_of, cast) -> None:
    """T7.2, abuse case 25"""
    item = cast.ask()
    client = serve().client(token_of(cast.approver))

    def approve(number: int) -> httpx.Response:
        return client.post(
            f"/requests/{item.ref}/approve",
            json={"revision": 1, "step": 1},
            headers={"Idempotency-Key": f"v-{number}"},
        )

    found = statuses(at_once(20, approve))
    assert found[200] == 1
    assert found[409] == 19
    assert Decision.objects.filter(item=item).count() == 1


def test_approve_and_reject_at_once_leave_one_of_them(serve, token_of, cast) -> None:
    """T7.3"""
    server = serve()
    clients = [server.client(token_of(p)) for p in (cast.approver, cast.second_approver)]
    for round_number in range(5):
        item = cast.ask()

        def decide(number: int, item: ApprovalRequest = item, n: int = round_number):
            verb = ("approve", "reject")[number]
            return clients[number].post(
                f"/requests/{item.ref}/{verb}",
                json={"revision": 1, "step": 1, "reason": "So."},
                headers={"Idempotency-Key": f"{verb}-{n}"},
            )

        assert statuses(at_once(2, decide)) == {200: 1, 409: 1}
        assert Decision.objects.filter(item=item).count() == 1
        assert Event.objects.filter(target_id=item.ref, outcome="denied").count() == 1


def test_a_server_killed_between_key_and_commit_leaves_the_key_free(
    serve, everything, cast
) -> None:
    """T1.8: the command waits for a lock that we hold, with its key taken, when its process dies."""
    item = cast.ask()
    server = serve(workers=1)
    url = f"/requests/{item.ref}/claim"
    headers = {"Idempotency-Key": "killed"}
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ApprovalRequest.objects.select_for_update().get(pk=item.pk)
            lost = pool.submit(server.client(everything).post, url, json={}, headers=headers)
            until(_somebody_waits_for_us)
            _kill_workers(server.process.pid)
        with pytest.raises(httpx.HTTPError):
            lost.result(timeout=60)
    answer = server.client(everything).post(url, json={}, headers=headers)
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers
    assert ApprovalRequest.objects.get(pk=item.pk).version == 2


def test_who_waits_too_long_for_somebody_else_is_told_when_to_come_again(
    serve, everything, cast
) -> None:
    """T1.4: nothing is recorded, and the same key works as soon as the way is free."""
    item = cast.ask()
    client = serve().client(everything)
    url, headers = f"/requests/{item.ref}/claim", {"Idempotency-Key": "patient"}
    with transaction.atomic():
        ApprovalRequest.objects.select_for_update().get(pk=item.pk)
        assert is_in_flight(client.post(url, json={}, headers=headers))
    answer = client.post(url, json={}, headers=headers)
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


def _kill_workers(master: int) -> None:
    with open(f"/proc/{master}/task/{master}/children") as children:
        for pid in children.read().split():
            os.kill(int(pid), signal.SIGKILL)


def test_the_feed_tells_every_event_once_while_many_write(serve, everything, cast) -> None:
    """T4.7 over the wire: whoever follows while others commit misses nothing."""
    server = serve()
    client = server.client(everything)
    items = [cast.ask() for _ in range(8)]
    seen: list[str] = []
    cursor = ""

    def follow() -> None:
        nonlocal cursor
        page = client.get(f"/events?limit=7{cursor and '&after=' + cursor}").json()
        seen.extend(f"{event['stream']}#{event['seq']}" for event in page["items"])
        cursor = page["cursor"]

    def note(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"f-{number}"}
        ref = items[number % len(items)].ref
        return client.post(f"/requests/{ref}/note", json={"reason": "x"}, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(note, number) for number in range(80)]
        while not all(write.done() for write in writes):
            follow()
    expected = {
        f"{event.stream}#{event.seq}"
        for event in Event.objects.filter(stream__startswith="request/")
    }
    until(lambda: follow() or set(seen) >= expected)
    assert len(seen) == len(set(seen))
    assert set(seen) == expected

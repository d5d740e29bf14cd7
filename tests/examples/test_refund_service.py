"""The example service loses answers, is killed at every bad place, and asks for each refund once."""

import ast
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings

from approvals.commands import decide
from approvals.models import ApprovalRequest, State
from audit.models import Event
from config.embedded import dying_with_parent
from tests.crash.common import assert_explained
from tests.examples.proxy import Answering, Forward, Proxy, Strike
from tests.examples.web import Web

pytestmark = pytest.mark.worker

EXAMPLES = Path(settings.BASE_DIR) / "examples"
PROGRAM = EXAMPLES / "refund_service.py"
REFUNDS = 24
SMALL, LARGER = 3000, 8800  # EUR 30.00 needs nobody, EUR 88.00 needs Finance
LONGEST_S = 50


@dataclass
class Shop:
    """The shop's database, and its service: started again whenever it was killed."""

    path: Path
    environment: dict[str, str]
    web: Web
    program: Path = PROGRAM
    process: subprocess.Popen | None = None
    kills: int = 0
    deadline: float = field(default_factory=lambda: time.monotonic() + LONGEST_S)

    def __post_init__(self) -> None:
        with closing(sqlite3.connect(self.path)) as database:
            database.executescript((EXAMPLES / "refund_service.sql").read_text())

    def want(self, number: int, amount: int, **changes: object) -> None:
        body = {
            "kind": "refund",
            "payload": {
                "order": f"S-{number}",
                "payment": f"pi_shop{number}_1000000_eur",
                "amount": amount,
                "currency": "EUR",
                "reason_code": "lost_parcel",
            },
            "customer": "A. Silva",
            "ticket": f"S-{number}",
            "reason": "Parcel lost, carrier confirmed.",
            **changes,
        }
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("INSERT INTO refunds (body) VALUES (?)", [json.dumps(body)])

    def rows(self, view: str = "standing") -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.path)) as database:
            database.row_factory = sqlite3.Row
            return database.execute(f"SELECT * FROM {view} ORDER BY id").fetchall()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*dying_with_parent(signal.SIGKILL), sys.executable, str(self.program)],
            env=self.environment,
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def run_until(self, is_so: Callable[[], object]) -> None:
        """Start what was killed again. The service must not end in any other way."""
        while not is_so():
            assert time.monotonic() < self.deadline, "It did not come to be."
            if self.web.is_dead:
                self.web.start()
            try:
                ended = self.process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
            assert ended == -signal.SIGKILL
            self.start()


@pytest.fixture
def proxy(web) -> Iterator[Proxy]:
    with Proxy(web.url).serving() as serving:
        yield serving


@pytest.fixture
def open_shop(tmp_path, web, proxy, token, service_account) -> Iterator[Callable[..., Shop]]:
    opened = []
    environment = {
        **os.environ,
        "AQ_URL": f"{proxy.url}/api/v1",
        "AQ_TOKEN": token(service_account.email, "read", "submit"),
        "AQ_SHOP": str(tmp_path / "shop.sqlite3"),
    }

    def begin(program: Path = PROGRAM) -> Shop:
        opened.append(Shop(Path(environment["AQ_SHOP"]), environment, web, program))
        return opened[-1]

    yield begin
    for shop in opened:
        if shop.process is not None and shop.process.poll() is None:
            shop.kill()


# --- The places at which something dies ----------------------------------------------------------


class Places:
    """What may happen to one call. Each gets the call and the way to the real server."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def killed_before_it_arrives(self, call: Answering, forward: Forward) -> None:
        """The one before is recorded; this one was never sent as far as anybody knows."""
        self.shop.kill()

    def killed_before_it_is_read(self, call: Answering, forward: Forward) -> None:
        forward()
        self.shop.kill()

    def killed_half_read(self, call: Answering, forward: Forward) -> None:
        call.pass_on(forward(), cut_to=40)
        self.shop.kill()

    def killed_before_it_is_recorded(self, call: Answering, forward: Forward) -> None:
        """The shop's database is busy, so what was read cannot be written before the end."""
        with closing(sqlite3.connect(self.shop.path)) as database:
            database.execute("BEGIN IMMEDIATE")
            call.pass_on(forward())
            self.shop.kill()

    def answer_is_lost(self, call: Answering, forward: Forward) -> None:
        forward()

    def answer_is_cut(self, call: Answering, forward: Forward) -> None:
        call.pass_on(forward(), cut_to=40)

    def web_dies_after_it(self, call: Answering, forward: Forward) -> None:
        forward()
        self.shop.web.kill()

    def web_dies_before_it(self, call: Answering, forward: Forward) -> None:
        self.shop.web.kill()

    def somebody_else_answers(self, call: Answering, forward: Forward) -> None:
        call.say(404, b"<title>No such host</title>", Content_Type="text/html")

    def gateway_gives_up_after_it(self, call: Answering, forward: Forward) -> None:
        forward()
        call.say(504, b'{"message": "timeout"}', Content_Type="application/json")

    def told_to_wait(self, call: Answering, forward: Forward) -> None:
        body = {"type": "/problems/rate-limited", "status": 429, "detail": "Wait 1 s."}
        call.say(
            429,
            json.dumps(body).encode(),
            Content_Type="application/problem+json",
            Retry_After="1",
        )


def strikes(places: Places) -> list[Strike]:
    """All of them, one after the other; the last ones while the feed is followed."""
    while_asking = [
        places.killed_before_it_is_read,
        places.killed_before_it_arrives,
        places.killed_half_read,
        places.killed_before_it_is_recorded,
        places.answer_is_lost,
        places.answer_is_cut,
        places.somebody_else_answers,
        places.gateway_gives_up_after_it,
        places.told_to_wait,
        places.web_dies_after_it,
    ]
    return [
        *(Strike("POST", "/requests", 2, place) for place in while_asking),
        Strike("GET", "/events", 1, places.killed_before_it_is_read),
        Strike("GET", "/requests/", 2, places.killed_before_it_arrives),
        Strike("GET", "/requests/", 2, places.killed_before_it_is_recorded),
        Strike("GET", "/events", 1, places.web_dies_before_it),
    ]


# --- The judge -----------------------------------------------------------------------------------


def assert_asked_once_each(shop: Shop) -> None:
    """As many requests as rows, one for each payment, and the row knows which."""
    refs = {}
    for item in ApprovalRequest.objects.all():
        refs.setdefault(item.payload["payment"], []).append(item.ref)
    wanted = {json.loads(row["body"])["payload"]["payment"]: row for row in shop.rows()}
    assert refs == {payment: [row["ref"]] for payment, row in wanted.items()}
    assert Event.objects.filter(action="request.submit").count() == len(wanted)


def decide_on_the_larger(cast) -> None:
    """Every second one is approved, the others are rejected."""
    waiting = ApprovalRequest.objects.filter(state=State.PENDING).order_by("pk")
    for number, item in enumerate(waiting):
        if number % 2:
            cast.approve(item)
        else:
            decide.reject(
                ref=item.ref,
                by=cast.approver,
                at=cast.now,
                key=cast.key(),
                revision=item.revision,
                step=item.step,
                reason="The parcel was delivered.",
            )


def is_settled(shop: Shop) -> bool:
    return all(row["state"] in ("done", "rejected") for row in shop.rows())


# --- The tests -----------------------------------------------------------------------------------


def test_each_refund_is_asked_once_whatever_dies(
    open_shop, proxy, web, cast, provider, start_worker
):
    shop = open_shop()
    for number in range(REFUNDS):
        shop.want(number, SMALL if number % 2 else LARGER)
    proxy.strikes = strikes(Places(shop))
    start_worker()
    shop.start()
    shop.run_until(lambda: not shop.rows("wanted"))
    assert_asked_once_each(shop)
    shop.run_until(lambda: not proxy.strikes)
    assert shop.kills == 7
    assert len(proxy.keys) > REFUNDS
    decide_on_the_larger(cast)
    shop.run_until(lambda: is_settled(shop))
    shop.process.send_signal(signal.SIGTERM)
    assert shop.process.wait(timeout=30) == 0

    assert_asked_once_each(shop)
    states = {row["ref"]: row["state"] for row in shop.rows()}
    assert states == dict(ApprovalRequest.objects.values_list("ref", "state"))
    assert sorted(states.values()).count("done") == 18
    paid = [effect["target"] for effect in provider.effects()]
    done = [row for row in shop.rows() if row["state"] == "done"]
    assert sorted(paid) == sorted(json.loads(row["body"])["payload"]["payment"] for row in done)
    assert set(proxy.keys) == {row["key"] for row in shop.rows()}
    assert_explained()


def test_a_service_with_a_key_for_each_try_is_caught(open_shop, proxy, tmp_path, start_worker):
    """The control: the same service, the same judge, and one rule broken."""
    broken = tmp_path / "broken.py"
    source = PROGRAM.read_text()
    assert source.count('"Idempotency-Key": key') == 1
    broken.write_text(
        source.replace('"Idempotency-Key": key', '"Idempotency-Key": os.urandom(16).hex()')
    )
    shop = open_shop(broken)
    shop.want(1, SMALL)
    places = Places(shop)
    proxy.strikes = [Strike("POST", "/requests", 1, places.killed_before_it_is_read)]
    start_worker()
    shop.start()
    shop.run_until(lambda: not proxy.strikes and not shop.rows("wanted"))
    assert len(set(proxy.keys)) == 2
    with pytest.raises(AssertionError, match="pi_shop1_"):
        assert_asked_once_each(shop)


def test_what_is_refused_for_good_is_not_asked_again(open_shop, proxy):
    shop = open_shop()
    shop.want(1, SMALL, customer=" ")
    shop.want(2, LARGER)
    shop.want(2, LARGER)
    shop.start()
    shop.run_until(lambda: not shop.rows("wanted"))
    unusable, asked, doubled = shop.rows()
    assert (unusable["ref"], unusable["refused"]) == (None, "Some fields cannot be used.")
    assert (asked["ref"] is None, asked["refused"]) == (False, None)
    assert doubled["ref"] is None
    assert asked["ref"] in doubled["refused"]
    assert len(proxy.keys) == 3
    assert [row["id"] for row in shop.rows("for_a_person")] == [1, 3]


def test_a_key_that_may_be_forgotten_is_not_sent(open_shop, proxy):
    shop = open_shop()
    shop.want(1, SMALL)
    shop.want(2, SMALL)
    with closing(sqlite3.connect(shop.path)) as database, database:
        database.execute("UPDATE refunds SET created_at = datetime('now', '-7 days') WHERE id = 1")
    shop.start()
    shop.run_until(lambda: not shop.rows("wanted"))
    assert proxy.keys == [shop.rows()[1]["key"]]
    assert [row["id"] for row in shop.rows("for_a_person")] == [1]


def test_a_token_that_ended_drops_nothing(open_shop, proxy, service_account):
    shop = open_shop()
    shop.want(1, SMALL)
    service_account.is_active = False
    service_account.save()
    shop.start()
    shop.run_until(lambda: len(proxy.keys) >= 2)
    service_account.is_active = True
    service_account.save()
    shop.run_until(lambda: shop.rows()[0]["ref"])
    assert len(set(proxy.keys)) == 1


def test_it_is_sixty_lines():
    source = PROGRAM.read_text()
    documented = ast.Module, ast.FunctionDef
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    }
    numbered = enumerate(source.splitlines(), 1)
    code = [line for number, line in numbered if line.strip() and number not in docstrings]
    assert len(code) <= 60
    assert not re.search(r"\bsleep\b", source)

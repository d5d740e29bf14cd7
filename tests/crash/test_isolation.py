"""One outside system that hangs holds up nobody else's effects."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from approvals.models import Attempt
from tests.crash.common import effects_of, is_done
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")
SLOTS = 8


class Hanging(ThreadingHTTPServer):
    """Takes every call and answers none until it may."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls, self.may_answer = [], threading.Event()
        super().__init__(("127.0.0.1", 0), _Holds)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Holds(BaseHTTPRequestHandler):
    server: Hanging

    def do_PUT(self) -> None:
        self.server.calls.append(self.path)
        self.server.may_answer.wait()
        self.send_error(503)

    do_GET = do_PUT

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def hanging(monkeypatch) -> Iterator[Hanging]:
    """The account service of the workers that are started."""
    with Hanging() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("ACCOUNT_SERVICE_URL", server.url)
        monkeypatch.setenv("ACCOUNT_SERVICE_SECRET", "secret")
        monkeypatch.setenv("ACCOUNT_SERVICE_TIMEOUT_S", "25")
        yield server
        server.may_answer.set()
        server.shutdown()


def test_a_system_that_hangs_takes_no_slot_of_another_s_effects(
    provider, hanging, cast, start_worker
):
    """More effects hang than there are slots, while another system's is carried out."""
    cast.now = timezone.now() - timezone.timedelta(minutes=1)
    for number in range(2 * SLOTS):
        change = cast.ask_for_account_change(account=f"acct_{number}")
        cast.approve(change, by=cast.operator)
    start_worker()
    until(lambda: len(hanging.calls) == SLOTS)
    item = cast.approve(cast.ask())
    until(lambda: is_done(cast, item))
    assert len(effects_of(provider, item)) == 1
    of_hanging = Attempt.objects.filter(effect__item__kind="account_change")
    assert of_hanging.filter(finished_at=None).count() == of_hanging.count() == SLOTS

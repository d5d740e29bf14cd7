"""The simulator's real webhooks into the real web application, and what follows (T2.5, T2.6)."""

import threading
import wsgiref.simple_server
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone

from approvals.kinds import base, refund
from approvals.models import Effect, ProviderEvent, State
from audit.models import Event
from tests.crash.common import assert_explained, effects_of
from tests.demo.conftest import start, until  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("committed_db")
SECRET = "whsec_" + "s" * 32


class _Silent(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def web(committed_db, settings) -> Iterator[str]:
    """The application behind a real port."""
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=30)
    server.server_close()


@pytest.fixture
def start_provider(web, start, settings):  # noqa: F811
    def begin(*options: str):
        endpoint = ("--webhook", f"{web}/hooks/stripe/", "--webhook-secret", SECRET)
        simulator = start(*endpoint, *options)
        settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = "sk_test_crash", simulator.url
        refund._client.cache_clear()
        return simulator

    yield begin
    refund._client.cache_clear()


def approve(cast):
    cast.now = timezone.now()
    return cast.approve(cast.ask())


def heard(kind: str = "") -> list[dict]:
    told = [one.facts for one in Event.objects.filter(action="provider.event").order_by("seq")]
    return [facts for facts in told if facts["type"].startswith(kind)]


@pytest.mark.parametrize("fault", ["pending", "requires_action"])
def test_a_refund_that_was_not_finished_is_done_when_the_provider_says_so(
    cast, start_provider, fault
):
    """T2.6: also when each webhook comes two or three times, in any order."""
    provider = start_provider(
        *("--fault", f"{fault}=1", "--fault", "duplicate_webhook=1", "--pending-seconds", "3")
    )
    item = approve(cast)
    assert cast.run(item) == "in doubt"
    until(lambda: len(heard()) == 3)
    assert cast.get(item.ref).state == State.IN_DOUBT
    asked_at = timezone.now() + timedelta(seconds=1)
    assert Effect.objects.get(item=item).next_question_at <= asked_at
    assert cast.run(item, at=asked_at) == "done"
    [effect] = effects_of(provider, item)
    assert cast.get(item.ref).effect.provider_reference == effect["reference"]
    assert ProviderEvent.objects.count() == 3
    assert_explained()


def test_a_lost_answer_is_asked_for_as_soon_as_the_webhook_comes(cast, start_provider, settings):
    start_provider("--fault", "hang_after_effect=1")
    item = approve(cast)
    settings.STRIPE_TIMEOUT_S = 1
    assert cast.run(item) == "in doubt"
    until(lambda: len(heard()) == 2)
    assert {facts["state"] for facts in heard()} <= {"executing", "in_doubt"}
    assert cast.run(item, at=timezone.now() + timedelta(minutes=5)) == "done"


def test_a_refund_that_fails_after_it_was_done_is_asked_about_again(cast, start_provider):
    """T2.5: up to the question; what its answer does is in execution."""
    start_provider("--fault", "fail_later=1", "--fail-later-seconds", "3")
    item = approve(cast)
    assert cast.run(item) == "done"
    until(lambda: heard("refund.failed"))
    [failed] = heard("refund.failed")
    assert (failed["state"], failed["consequence"]) == ("done", "the provider is asked now")
    assert Effect.objects.get(item=item).next_question_at is not None
    seen = refund.Refund().look_up(_effect(item))
    assert (seen.cause, seen.permanent) == ("failed-at-provider", True)


def _effect(item):
    key = Effect.objects.get(item=item).key
    return base.Effect(id=key, key=key, ref=item.ref, payload=item.payload, reason=item.reason)

from typing import Any

import pytest

from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Absent, Done, Effect
from approvals.kinds.refund import Refund


class Provider:
    """Stands for both outside systems: answers what a test says and remembers what it was sent."""

    def __init__(self) -> None:
        self.sends: Any = Done("re_1", "Refund re_1: status succeeded.")
        self.finds: Any = Absent("No trace.")
        self.sent: list[Effect] = []
        self.asked: list[Effect] = []

    def send(self, kind: Any, effect: Effect) -> Any:
        self.sent.append(effect)
        return self.sends

    def look_up(self, kind: Any, effect: Effect) -> Any:
        self.asked.append(effect)
        return self.finds


@pytest.fixture
def provider(monkeypatch) -> Provider:
    fake = Provider()
    for kind in (Refund, AccountChange):
        monkeypatch.setattr(kind, "send", lambda self, effect: fake.send(self, effect))
        monkeypatch.setattr(kind, "look_up", lambda self, effect: fake.look_up(self, effect))
    return fake

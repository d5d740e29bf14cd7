"""Three minutes after the cast's moment, when everybody looks."""

from datetime import timedelta

import pytest
from django.utils import timezone


@pytest.fixture(autouse=True)
def quarter_past_nine(monkeypatch, now) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=3))

"""Somebody who calls the API with a token, and what they get back."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import Scope, User
from tests.cast import Cast

NUMBERS = itertools.count(1)
ROOT = "/api/v1"


@dataclass
class Caller:
    """A program with a token. Paths are given without `/api/v1`."""

    secret: str
    client: Client

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.client.get(f"{ROOT}{path}", headers=self._headers(headers))

    def post(
        self, path: str, body: Any = None, *, key: str | None = "", **headers: str
    ) -> HttpResponse:
        """With a new key unless one is given; None: without a key. `body` as JSON, or raw bytes."""
        if key is not None:
            headers["Idempotency_Key"] = key or f"k-{next(NUMBERS)}"
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        kind = headers.pop("content_type", "application/json")
        return self.client.post(
            f"{ROOT}{path}", data=raw, content_type=kind, headers=self._headers(headers)
        )

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.secret}", **sent}


Calls = Callable[..., Caller]


@pytest.fixture
def calls(cast: Cast) -> Calls:
    """`calls(user)`: that person's program, with every scope unless told."""

    def with_token(user: User, *scopes: str) -> Caller:
        wanted = scopes or [s for s in Scope.values if not (user.is_service and s == "decide")]
        made = tokens.make(user, name="test", scopes=wanted, days=30, at=timezone.now())
        return Caller(made.secret, Client(raise_request_exception=False))

    return with_token


@pytest.fixture
def service(cast: Cast) -> User:
    """A program's account that may ask for refunds: people-less, in Support's team."""
    from accounts.models import Membership, Team

    user = User.objects.create_user("shop@demo.test", name="Shop", is_service=True)
    Membership.objects.create(user=user, group=Team.objects.get(name="Support"))
    return user


def problem(response: HttpResponse) -> dict[str, Any]:
    """The body of an error, checked for what every error has."""
    assert response["Content-Type"] == "application/problem+json", response.content[:300]
    body = response.json()
    assert body["status"] == response.status_code
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    assert body["instance"]
    assert body["request_id"]
    return body


def code(response: HttpResponse) -> str:
    return problem(response)["type"].removeprefix("/problems/")

"""Who calls: a token or a browser's session; what it may be used for; and how much at once."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja.security import HttpBearer
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from accounts import access, limits, tokens
from accounts.access import Access
from accounts.limits import Allowance, Limit
from accounts.models import Scope, User
from approvals.api.problems import Problem
from approvals.api.reading import check_body
from approvals.commands import idempotency
from approvals.commands.frame import principal
from approvals.models import Queue
from approvals.refusals import KeyMalformed
from audit.correlation import correlated

EVERY_SCOPE = frozenset(Scope.values)


class Bearer(HttpBearer):
    """`Authorization: Bearer aq_…`."""

    openapi_scheme = "bearer"
    openapi_bearerFormat = "aq_ token"

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            raise Problem("malformed", "Send a token or a session's cookie, not both.")
        found = tokens.owner_of(token, at=timezone.now(), address=address_of(request))
        if found is None:
            return None
        owner = found.owner
        owner.auth_method = "token"
        request.scopes = frozenset(found.scopes)
        request.allowance_of = f"token:{found.prefix}"
        request.token_prefix = found.prefix
        return _welcome(request, owner)


class Session(AuthBase):
    """The browser's own session, with Django's CSRF token on every command."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> User | None:
        user = request.user
        if "Authorization" in request.headers or not user.is_authenticated or user.is_service:
            return None
        if check_csrf(request) is not None:
            raise Problem(
                "not-allowed",
                "The CSRF token is missing or wrong. Nothing was recorded.",
                rule="csrf",
            )
        request.scopes = EVERY_SCOPE
        request.allowance_of = f"person:{user.pk}"
        return _welcome(request, user)


AUTH = [Bearer(), Session()]


def address_of(request: HttpRequest) -> str:
    return request.client_address


def _welcome(request: HttpRequest, user: User) -> User:
    """Known by now: their allowance is taken and their body read. Raise `Problem`."""
    request.allowances = _take(request, user)
    check_body(request)
    return user


def caller(request: HttpRequest) -> Access:
    """The caller's rights of this moment; loaded once for each request."""
    if not hasattr(request, "caller"):
        request.caller = access.of(request.auth, Queue, at=timezone.now())
    return request.caller


def nobody(request: HttpRequest) -> Problem:
    """What somebody without a usable token is told; who tries tokens out is soon slowed down."""
    limit = Limit.of("address", settings.API_LIMIT_PER_ADDRESS)
    if "Authorization" in request.headers:
        limit = Limit.of("guess", settings.API_LIMIT_OF_GUESSES)
    allowance = limits.take(limit, address_of(request), at=timezone.now())
    if allowance.is_refused:
        return _too_many(allowance)
    return Problem(
        "unauthenticated",
        "Send a token that is alive: Authorization: Bearer aq_….",
        headers={"WWW-Authenticate": 'Bearer realm="Approval Queue"'},
    )


def needs(*scopes: Scope) -> Callable[[Callable], Callable]:
    """For a view: one of `scopes` is needed, and the query names only what is known."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @functools.wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            _check_scope(request, scopes)
            _check_query(request, kwargs.get("filters"))
            with correlated(token=getattr(request, "token_prefix", "")):
                return view(request, *args, **kwargs)

        return run

    return decorate


def _check_scope(request: HttpRequest, scopes: tuple[Scope, ...]) -> None:
    if request.scopes.isdisjoint(scopes):
        wanted = " or ".join(f"“{scope.value}”" for scope in scopes)
        raise Problem(
            "not-allowed",
            f"This token lacks the scope {wanted}. Nothing was recorded.",
            rule="scope",
        )


def _check_query(request: HttpRequest, filters: Any) -> None:
    """A filter that we don't know would silently filter nothing, so it is refused."""
    known = type(filters).model_fields if filters is not None else {}
    errors = []
    for name, values in request.GET.lists():
        if name not in known:
            errors.append({"pointer": f"/{name[:40]}", "detail": "There is no such parameter."})
        elif len(values) > 1:
            errors.append({"pointer": f"/{name}", "detail": "It may be given once."})
    if errors:
        raise Problem("validation", "The query cannot be used.", errors=errors)


def _take(request: HttpRequest, user: User) -> list[Allowance]:
    """From the token's allowance and from its address's. A replay passes in any case."""
    wanted = [
        (Limit.of("token", settings.API_LIMIT_PER_TOKEN), request.allowance_of),
        (Limit.of("address", settings.API_LIMIT_PER_ADDRESS), address_of(request)),
    ]
    taken = limits.take_each(wanted, at=timezone.now())
    refused = [allowance for allowance in taken if allowance.is_refused]
    if refused and not _is_answered_already(request, user):
        raise _too_many(max(refused, key=lambda allowance: allowance.retry_after_s))
    return taken


def _is_answered_already(request: HttpRequest, user: User) -> bool:
    """A replay, or the question what became of the command: both only tell what is kept."""
    key = request.headers.get("Idempotency-Key") or request.resolver_match.kwargs.get("key", "")
    try:
        bare = idempotency.normalised_key(key)
    except KeyMalformed:
        return False
    return idempotency.is_kept(principal=principal(user), key=bare)


def _too_many(allowance: Allowance) -> Problem:
    wait = allowance.retry_after_s
    return Problem(
        "rate-limited",
        f"Too many requests. Wait {wait} s. Nothing was recorded.",
        headers={"Retry-After": str(wait), **told([allowance])},
    )


def told(allowances: list[Allowance]) -> Mapping[str, str]:
    """The `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers."""
    if not allowances:
        return {}
    policies = [
        f'"{one.limit.name}";q={one.limit.amount};w={int(one.limit.per.total_seconds())}'
        for one in allowances
    ]
    left = [f'"{one.limit.name}";r={one.left};t={one.full_in_s}' for one in allowances]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}

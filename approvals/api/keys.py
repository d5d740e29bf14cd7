"""What became of a command whose answer got lost."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from accounts.models import Scope
from approvals.api.callers import needs
from approvals.api.problems import Problem
from approvals.api.requests import sent
from approvals.api.shapes import CommandShape
from approvals.commands import idempotency
from approvals.commands.frame import principal
from approvals.refusals import KeyMalformed

router = Router(tags=["Commands"])


@router.get(
    "/{path:key}",
    response=CommandShape,
    operation_id="getCommand",
    summary="What became of a command",
)
@needs(Scope.READ, Scope.SUBMIT, Scope.OPERATE, Scope.DECIDE)
def command(request: HttpRequest, key: str) -> HttpResponse:
    """By its Idempotency-Key; your own keys only. Not found: nothing was recorded under it."""
    try:
        kept = idempotency.kept(
            principal=principal(request.auth), key=idempotency.normalised_key(key)
        )
    except KeyMalformed:
        kept = None
    if kept is None:
        raise Problem(
            "not-found",
            "Nothing is recorded under this key. If the command is still running, ask again.",
        )
    return sent(CommandShape(**kept))

"""The one API object: its calls, and how whatever goes wrong in them is answered."""

import logging
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from accounts.models import Scope
from approvals import unavailable
from approvals.api import feed, keys, openapi, policies, problems, verbs
from approvals.api.callers import AUTH, needs, nobody
from approvals.api.problems import Problem
from approvals.api.reading import StrictParser
from approvals.api.shapes import NOT_BLANK
from approvals.refusals import Refusal

log = logging.getLogger("approvals.api")

SENTENCES = {
    "missing": "This field is needed.",
    "extra_forbidden": "There is no such field.",
    "string_type": "It must be text.",
    "string_too_short": "Enter something here.",
    "string_pattern_mismatch": "Enter something here.",
    "string_too_long": "It can have at most {max_length} characters.",
    "int_type": "It must be a whole number.",
    "int_parsing": "It must be a whole number.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than_equal": "It can be at most {le}.",
    "bool_type": "It must be true or false.",
    "dict_type": "It must be an object.",
    "list_type": "It must be a list.",
    "too_long": "It can have at most {max_length} entries.",
    "literal_error": "It must be one of {expected}.",
}
NOT_KNOWN = "Whether it was recorded is not known: send it again with the same key to find out."


class Api(NinjaAPI):
    """Its OpenAPI document is completed with what ninja cannot know, and answered by our own view."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return openapi.completed(super().get_openapi_schema(*args, **kwargs))


api = Api(
    title="Approval Queue",
    version="1",
    description=openapi.DESCRIPTION,
    openapi_url=None,
    docs_url=None,
    auth=AUTH,
    parser=StrictParser(),
    urls_namespace="api",
)
api.add_router("/requests", verbs.router)  # the one of `requests`, with the commands added
api.add_router("/events", feed.router)
api.add_router("/commands", keys.router)
api.add_router("/policies", policies.router)


@api.get("/openapi.json", include_in_schema=False)
@needs(Scope.READ)
def document(request: HttpRequest) -> HttpResponse:
    """This API, described."""
    return JsonResponse(api.get_openapi_schema())


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problems.of_problem(request, problem)


@api.exception_handler(Refusal)
def _refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problems.of_refusal(request, refusal)


@api.exception_handler(AuthenticationError)
def _nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problems.of_problem(request, nobody(request))


@api.exception_handler(Http404)
def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problems.answer(request, "not-found", "There is nothing here that you can see.")


@api.exception_handler(HttpError)
def _other(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Whatever ninja itself refuses."""
    code = problems.OF_STATUS.get(error.status_code, "malformed")
    return problems.answer(request, code, str(error))


@api.exception_handler(ValidationError)
def _validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A decision without what was seen is told so by a status of its own."""
    errors = [_field(one) for one in error.errors]
    unseen = [one for one in error.errors if _is_unseen(one)]
    if unseen and len(unseen) == len(error.errors):
        names = " and ".join(one["loc"][-1] for one in unseen)
        return problems.answer(
            request, "revision-required", f"Say which {names} you saw.", errors=errors
        )
    return problems.answer(request, "validation", "Some fields cannot be used.", errors=errors)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    log.warning("The database did not answer", exc_info=error)
    return _unavailable(request, f"The database does not answer. {_recorded(request)}")


@api.exception_handler(InternalError)
def _only_read(request: HttpRequest, error: InternalError) -> HttpResponse:
    if unavailable.is_away(error):
        return _no_database(request, error)
    if not unavailable.is_read_only(error):
        return _broken(request, error)
    log.warning("The database may only be read", exc_info=error)
    return _unavailable(request, "The database may only be read right now. Nothing was recorded.")


def _unavailable(request: HttpRequest, sentence: str) -> HttpResponse:
    return problems.answer(request, "unavailable", sentence, headers={"Retry-After": "5"})


@api.exception_handler(Exception)
def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("A call of the API broke", exc_info=error)
    return problems.answer(request, "internal", f"Something broke here. {_recorded(request)}")


def _recorded(request: HttpRequest) -> str:
    """An error may come with the answer to COMMIT lost: that is no failure (I10)."""
    return NOT_KNOWN if request.method == "POST" else "It only reads; nothing was recorded."


def _is_unseen(error: dict[str, Any]) -> bool:
    return error["type"] == "missing" and error["loc"][-1] in ("revision", "step")


def _field(error: dict[str, Any]) -> dict[str, str]:
    """pydantic's location as a JSON Pointer: the first two say “in the body, called body”."""
    place = [str(part) for part in error["loc"] if part not in ("body", "query", "filters", "path")]
    escaped = [part.replace("~", "~0").replace("/", "~1")[:60] for part in place]
    return {"pointer": "/" + "/".join(escaped), "detail": _sentence(error)}


def _sentence(error: dict[str, Any]) -> str:
    """What pydantic found, in words for people."""
    wanted = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch" and wanted.get("pattern") != NOT_BLANK:
        return "It does not have the form that is wanted."
    said = SENTENCES.get(error["type"])
    return said.format_map(wanted) if said else error["msg"].removeprefix("Value error, ")

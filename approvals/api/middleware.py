"""Under `/api/`, whatever goes wrong outside of a call is a problem, too, and only JSON is spoken."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from approvals.api import problems
from approvals.api.callers import told
from approvals.api.problems import PROBLEMS

Handler = Callable[[HttpRequest], HttpResponse]

PREFIX = "/api/"
SAID = {
    400: "The request could not be understood.",
    403: "You may not do this. Nothing was recorded.",
    404: "There is nothing at this address.",
    405: "This address does not know the method {method}.",
    413: "The body is too large.",
    500: "Something broke here. Send it again with the same key: it is never carried out twice.",
    503: "The database does not answer. Send it again with the same key.",
}


class ProblemsForTheApi:
    """Around everything else: an error that is not a problem yet becomes one of its status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return self.get_response(request)
        response = self._answer(request)
        for name, value in told(getattr(request, "allowances", [])).items():
            response.setdefault(name, value)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if not request.accepts("application/json") and not request.path.endswith("/docs"):
            return problems.answer(request, "not-acceptable", "The answer is application/json.")
        response = self.get_response(request)
        is_problem = response.headers.get("Content-Type", "").startswith(problems.MEDIA_TYPE)
        if response.status_code < 400 or is_problem:
            return response
        code = problems.OF_STATUS.get(response.status_code, "internal")
        detail = SAID.get(response.status_code, PROBLEMS[code].meaning)
        headers = {name: response[name] for name in ("Allow",) if name in response}
        return problems.answer(
            request, code, detail.format(method=request.method[:20]), headers=headers
        )

"""For supervisors: does the process live, and can it serve?"""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from approvals.readiness import readiness


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Touches nothing."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while the database doesn't answer or lacks what keeps the rules.

    Without a worker the pages still serve, so that is `degraded` and not down; nothing is carried
    out then, and nothing is lost.
    """
    found = readiness()
    return JsonResponse({"status": found.status, **found.why}, status=200 if found.serves else 503)

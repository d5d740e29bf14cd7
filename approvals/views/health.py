"""For supervisors: does the process live, and can it serve?"""

from django.db import OperationalError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Touches nothing."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while the database doesn't answer or lacks what keeps the rules."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND tgname IN"
                " ('approvals_request_is_guarded', 'audit_event_is_append_only')"
            )
            has_triggers = cursor.fetchone()[0] == 2
    except OperationalError:
        return JsonResponse({"status": "unavailable", "database": "no answer"}, status=503)
    if not has_triggers:
        return JsonResponse({"status": "unavailable", "database": "not migrated"}, status=503)
    return JsonResponse({"status": "ok"})

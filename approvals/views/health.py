"""For supervisors: does the process live, and can it serve?"""

from datetime import timedelta

from django.db import OperationalError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

WORKER_SILENT = timedelta(seconds=60)


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
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND tgname IN"
                " ('approvals_request_is_guarded', 'audit_event_is_append_only')"
            )
            has_triggers = cursor.fetchone()[0] == 2
            cursor.execute(
                "SELECT count(*) FROM procrastinate_workers"
                " WHERE last_heartbeat > clock_timestamp() - %s",
                [WORKER_SILENT],
            )
            workers = cursor.fetchone()[0]
    except OperationalError:
        return JsonResponse({"status": "unavailable", "database": "no answer"}, status=503)
    if not has_triggers:
        return JsonResponse({"status": "unavailable", "database": "not migrated"}, status=503)
    if not workers:
        return JsonResponse({"status": "degraded", "workers": "none heard of for 60 s"})
    return JsonResponse({"status": "ok"})

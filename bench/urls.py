"""The floors: an empty call, a fixed page and a form, behind the product's middleware and sign-in.

The call and the form commit one row. The page is as long as a full one of the queue.
"""

import uuid
from datetime import timedelta

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone
from ninja import NinjaAPI

from approvals.api.callers import AUTH
from approvals.models import IdempotencyRecord
from bench import peers
from config.urls import handler400, handler403, handler404, handler500  # noqa: F401 - Django asks here

floor = NinjaAPI(auth=AUTH, urls_namespace="floor", docs_url=None, openapi_url=None)


@floor.post("/row")
def row(request: HttpRequest) -> dict[str, str]:
    at = timezone.now()
    IdempotencyRecord.objects.create(
        principal="floor",
        operation="floor",
        key=uuid.uuid4().hex,
        fingerprint="",
        created_at=at,
        expires_at=at + timedelta(days=7),
    )
    return {}


PAGE = f"<!doctype html><title>Floor</title>{'<p>A line of the floor.' * 3000}"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE if request.user.is_active else "")


def form(request: HttpRequest) -> HttpResponse:
    """Only for the long run, which makes the table (bench/long_run/watch.py)."""
    if request.user.is_active:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_floor (at) VALUES (now())")
    return HttpResponse("")


urlpatterns = [
    path("floor/page/", page),
    path("floor/queue/", peers.from_memory),
    path("floor/plain/", peers.plain),
    path("floor/grants/", peers.by_grants),
    path("stock/", peers.stock.urls),
    path("tuned/", peers.tuned.urls),
    path("floor/row/", form),
    path("api/floor/", floor.urls),
    path("", include("config.urls")),
]

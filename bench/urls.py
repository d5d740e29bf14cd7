"""The floors: an empty call, and a fixed page, behind the same middleware and sign-in as the product.

The call commits one row. The page is as long as a full one of the queue.
"""

import uuid
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone
from ninja import NinjaAPI

from approvals.api.callers import AUTH
from approvals.models import IdempotencyRecord
from bench import peers

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


urlpatterns = [
    path("floor/page/", page),
    path("floor/queue/", peers.from_memory),
    path("floor/plain/", peers.plain),
    path("floor/grants/", peers.by_grants),
    path("stock/", peers.stock.urls),
    path("tuned/", peers.tuned.urls),
    path("api/floor/", floor.urls),
    path("", include("config.urls")),
]

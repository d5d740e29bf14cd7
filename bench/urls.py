"""The floor: an empty call behind the same middleware and sign-in that commits one row."""

import uuid
from datetime import timedelta

from django.http import HttpRequest
from django.urls import include, path
from django.utils import timezone
from ninja import NinjaAPI

from approvals.api.callers import AUTH
from approvals.models import IdempotencyRecord

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


urlpatterns = [path("api/floor/", floor.urls), path("", include("config.urls"))]

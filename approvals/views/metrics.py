"""What Prometheus reads: the counters of all web processes, and how the work stands.

Only for who knows `METRICS_TOKEN`; where none is set, there is no such page.
"""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from approvals.metrics import gauges


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        return HttpResponse("There are no metrics here.\n", status=404, content_type="text/plain")
    if not _knows_the_token(request):
        return HttpResponse(
            "Send the token of METRICS_TOKEN as bearer token.\n",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
            content_type="text/plain",
        )
    said = generate_latest(_of_processes()) + generate_latest(_of_work())
    return HttpResponse(said, content_type=CONTENT_TYPE_LATEST)


def _knows_the_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token, settings.METRICS_TOKEN)


def _of_processes() -> CollectorRegistry:
    """Of this process alone where it is the only one."""
    if settings.METRICS_DIR is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(settings.METRICS_DIR))
    return registry


def _of_work() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Work())
    return registry


class _Work:
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from gauges()

    def describe(self) -> list[GaugeMetricFamily]:
        return []

"""What the queue page is held against, on the same table: how such a list is usually made with Django.

Each shows 50 open requests in the queue's order, without saying why one waits. None asks who may see
what, but the last, which does so as guardian's documentation says.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, loader
from guardian.shortcuts import get_objects_for_user

from approvals.models import OPEN, ApprovalRequest
from approvals.queries import ORDER

ROWS = 50
PERMISSION = "approvals.read_approvalrequest"
COLUMNS = ("ref", "kind", "state", "queue", "customer", "requested_by", "owner", "due_at")
JOINED = ("queue", "requested_by", "owner")
PLAIN = Template(
    "<!doctype html><title>Requests</title><table>{% for item in items %}<tr>"
    + "".join(f"<td>{{{{ item.{name} }}}}</td>" for name in COLUMNS)
    + "</tr>{% endfor %}</table>"
)


class Stock(admin.ModelAdmin):
    """What stands in most projects: columns, filters, search."""

    list_display = COLUMNS
    list_filter = ("state", "kind", "queue")
    search_fields = ("ref", "customer", "ticket")
    list_per_page = ROWS


class Uncounted(Paginator):
    """Says that there are always more."""

    count = 10**9


class Tuned(Stock):
    """As its experts tune it: no counts, joins at once, an index's order, only what is open."""

    list_select_related = JOINED
    show_full_result_count = False
    paginator = Uncounted
    ordering = ORDER

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(state__in=OPEN)


def _site(name: str, options: type[admin.ModelAdmin]) -> admin.AdminSite:
    site = admin.AdminSite(name)
    site.register(ApprovalRequest, options)
    site.has_permission = lambda request: request.user.is_active
    options.has_view_permission = lambda self, request, obj=None: True
    options.has_module_permission = lambda self, request: True
    return site


stock, tuned = _site("stock", Stock), _site("tuned", Tuned)


def by_grants(request: HttpRequest) -> HttpResponse:
    """A grant for each object, as guardian reads them."""
    seen = get_objects_for_user(request.user, PERMISSION, accept_global_perms=False)
    found = seen.filter(state__in=OPEN).select_related(*JOINED).order_by(*ORDER)[:ROWS]
    return HttpResponse(PLAIN.render(Context({"items": list(found)})))


# Set by the measurement: what the queue page put into its template, and some requests in memory.
REMEMBERED: dict[str, Any] = {"page": {}, "items": []}


def from_memory(request: HttpRequest) -> HttpResponse:
    """The queue's own template, with nothing to ask of anybody."""
    template = loader.get_template("approvals/queue.html").template
    return HttpResponse(template.render(Context(_page())) if request.user.is_active else "")


def plain(request: HttpRequest) -> HttpResponse:
    """A plain table of as many rows, from memory, too."""
    rows = PLAIN.render(Context({"items": REMEMBERED["items"]}))
    return HttpResponse(rows if request.user.is_active else "")


def _page() -> Mapping[str, Any]:
    return dict(REMEMBERED["page"])

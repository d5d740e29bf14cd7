"""Keeping a view of the queue, and forgetting it."""

from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.commands.saved_views import delete_view, save_view
from approvals.forms import QueueFilter
from approvals.refusals import Invalid, NotFound
from approvals.wording import is_storable, visible


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    query = _kept(request.POST.get("query", ""))
    name = visible(request.POST.get("name", ""))
    try:
        saved = save_view(name=name, query=query, by=request.user, at=timezone.now())
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
        return redirect(f"/queue/?{query}")
    messages.success(request, f"The view “{saved.name}” is saved.", extra_tags="done")
    return redirect(f"/queue/?{query}&saved={saved.pk}")


@require_POST
def delete(request: HttpRequest, number: int) -> HttpResponse:
    try:
        name = delete_view(number=number, by=request.user, at=timezone.now())
    except NotFound:
        messages.info(request, "This view was deleted already.", extra_tags="retrying")
    else:
        messages.success(request, f"The view “{name}” is deleted.", extra_tags="done")
    return redirect("queue")


def _kept(query: str) -> str:
    """Only what the queue's filters read, in one order."""
    known = {"view", *QueueFilter.base_filters}
    pairs = parse_qsl(query[:2000], max_num_fields=50) if is_storable(query) else []
    return urlencode(sorted((name, value) for name, value in pairs if name in known))

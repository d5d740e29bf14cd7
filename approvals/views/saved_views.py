"""Keeping a view of the queue, and forgetting it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.commands.saved_views import delete_view, save_view
from approvals.refusals import Invalid, NotFound
from approvals.views.listing import known_query
from approvals.wording import visible


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    query = known_query(request.POST.get("query", ""))
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

"""The list of endpoints, and the form for a new or a changed one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from approvals.forms import add_errors
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import form_key
from approvals.wording import visible
from webhooks import queries
from webhooks.commands import WithSecret, change_endpoint, create_endpoint
from webhooks.forms import EndpointForm, filled_in
from webhooks.models import Endpoint
from webhooks.views import endpoint as endpoint_page
from webhooks.views import frame


@require_GET
def endpoints(request: HttpRequest) -> HttpResponse:
    frame.check_administrator(request)
    now = timezone.now()
    context = {
        "endpoints": [
            {
                "name": visible(endpoint.name),
                "url": frame.url_of(endpoint.pk),
                "host": endpoint_page.host_of(endpoint),
                "status": frame.status(endpoint, now),
                "sentence": frame.sentence(endpoint, now),
                "waiting": endpoint.waiting,
                "failed": endpoint.failed,
                "last_delivered_at": endpoint.last_delivered_at,
            }
            for endpoint in queries.endpoints()
        ],
        "empty": {"sentence": "No program is told of events yet."},
    }
    return render(request, "webhooks/endpoints.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    frame.check_administrator(request)
    if request.method != "POST":
        return _page(request, EndpointForm())
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        made = create_endpoint(**_said(request, form))
    except Refusal as refusal:
        return _refused(request, form, refusal, back="/webhooks/")
    return _done(request, made)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = frame.found(request, pk)
    if request.method != "POST":
        return _page(request, EndpointForm(initial=filled_in(endpoint)), endpoint=endpoint)
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _page(request, form, endpoint=endpoint, status=422)
    try:
        answer = change_endpoint(endpoint_id=pk, **_said(request, form))
    except Refusal as refusal:
        return _refused(request, form, refusal, back=frame.url_of(pk), endpoint=endpoint)
    return _done(request, WithSecret(answer))


def _said(request: HttpRequest, form: EndpointForm) -> dict:
    return {
        "by": request.user,
        "at": timezone.now(),
        "key": request.POST.get("idempotency_key", ""),
        **form.cleaned_data,
    }


def _done(request: HttpRequest, made: WithSecret) -> HttpResponse:
    endpoint_page.keep_for_the_next_page(request, made)
    messages.success(request, made.answer.sentence, extra_tags="done")
    return redirect(frame.url_of(made.answer.ref))


def _refused(
    request: HttpRequest,
    form: EndpointForm,
    refusal: Refusal,
    *,
    back: str,
    endpoint: Endpoint | None = None,
) -> HttpResponse:
    if not isinstance(refusal, Invalid):
        return errors.refused(request, refusal, ref="Webhooks", back=back)
    add_errors(form, refusal)
    return _page(request, form, endpoint=endpoint, status=422)


def _page(
    request: HttpRequest,
    form: EndpointForm,
    *,
    endpoint: Endpoint | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "heading": f"Change {visible(endpoint.name)}" if endpoint else "New endpoint",
        "submit_label": "Save endpoint" if endpoint else "Create endpoint",
        "back_url": frame.url_of(endpoint.pk) if endpoint else "/webhooks/",
        "is_new": endpoint is None,
        "key": form_key(request),
    }
    return render(request, "webhooks/endpoint_form.html", context, status=status)

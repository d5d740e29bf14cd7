"""All policies: what is live, for which queues, and what is being written."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals.models import Policy
from approvals.views.frame import reader
from approvals.wording import short_name, visible
from policies import queries


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    if not queries.sees(reader(request)):
        raise Http404
    context = {
        "policies": [_described(policy) for policy in queries.policies()],
        "empty": {"sentence": "There is no policy yet. manage.py load_policy brings the first."},
    }
    return render(request, "policies/index.html", context)


def _described(policy: Policy) -> dict:
    live = policy.live
    queues = ", ".join(visible(queue.name) for queue in policy.queues.all())
    return {
        "name": visible(policy.name),
        "url": f"/policies/{policy.slug}/",
        "number": live.number,
        "rules": len(live.table),
        "since": live.loaded_at,
        "by": visible(short_name(live.loaded_by.name)) if live.loaded_by else "the command line",
        "queues": queues or "no queue",
        "open_drafts": policy.open_drafts,
    }

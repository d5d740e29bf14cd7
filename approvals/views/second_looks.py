"""Requests for which somebody broke the glass, until somebody else has looked at them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import queries
from approvals.rules import may
from approvals.views.frame import reader
from approvals.wording import clock, visible

MOST = 200


@require_GET
def second_looks(request: HttpRequest) -> HttpResponse:
    person, now = reader(request), timezone.now()
    found = [
        {
            "ref": item.ref,
            "url": f"/requests/{item.ref}/",
            "state": item.get_state_display(),
            "look_url": f"/requests/{item.ref}/second-look/"
            if may("second_look", item, person)
            else "",
            "breaks": [
                {
                    "who": visible(one.opened_by.name),
                    "at": clock(one.opened_at, now),
                    "reason": visible(one.reason),
                }
                for one in item.glass_breaks.all()
                if one.looked_at is None
            ],
        }
        for item in queries.with_look_due(person)[:MOST]
    ]
    return render(request, "approvals/second_looks.html", {"items": found})

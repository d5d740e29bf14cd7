"""What the pages of rights share: who is let in, and the page that shows what would change."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.models import User
from approvals.models import Queue
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import new_key, reader
from approvals.wording import visible
from rights import queries
from rights.changes import Impossible
from rights.commands import proposals
from rights.reading import read_all
from rights.rules import may_read_people, queues_read


def administrator(request: HttpRequest) -> None:
    """Others see no such page."""
    if not may_read_people(reader(request)):
        raise Http404


def readable(request: HttpRequest) -> list[int] | None:
    """The queues whose rights they read. Who reads none sees no such page."""
    found = queues_read(reader(request))
    if found == []:
        raise Http404
    return found


def found_queue(request: HttpRequest, slug: str) -> Queue:
    queue = queries.queues(readable(request)).filter(slug=slug).first()
    if queue is None:
        raise Http404(slug)
    return queue


def found_person(request: HttpRequest, pk: int) -> User:
    administrator(request)
    person = queries.people().filter(pk=pk).first()
    if person is None:
        raise Http404(str(pk))
    return person


def check_page(
    request: HttpRequest, written: Sequence[dict[str, Any]], *, reason: str, back: str
) -> HttpResponse:
    """What these changes mean, before they are asked for."""
    try:
        found = [change for change in read_all(list(written)) if not change.is_so]
        effect = queries.effect_of(found)
    except Impossible as impossible:
        messages.error(request, str(impossible), extra_tags="failed")
        return redirect(back)
    if not found:
        messages.info(request, "Nothing is different from what it is.", extra_tags="neutral")
        return redirect(back)
    context = {
        "sentences": [change.sentence for change in found],
        "waits": any(change.widens for change in found),
        **shown(effect),
        "reason": reason,
        "changes": json.dumps([change.written() for change in found]),
        "key": new_key(),
        "back_url": back,
    }
    return render(request, "rights/check.html", context)


def shown(effect: queries.Effect) -> dict[str, Any]:
    return {
        "gains": [visible(line) for line in effect.gains],
        "losses": [visible(line) for line in effect.losses],
        "stranded": max(0, effect.stranded_after - effect.stranded_before),
    }


def propose(request: HttpRequest) -> HttpResponse:
    """Ask for what the page before showed."""
    administrator(request)
    back = request.POST.get("back", "")
    back = back if back.startswith(("/access/", "/people/")) else "/access/"
    try:
        changes = json.loads(request.POST.get("changes", ""))
        if not isinstance(changes, list) or not all(isinstance(one, dict) for one in changes):
            raise ValueError
    except ValueError:
        raise Http404 from None
    try:
        answer = proposals.propose(
            changes=changes,
            reason=request.POST.get("reason", ""),
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
        return redirect(back)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="who may do what", back=back)
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect(back if answer.ref == "done" else f"/access/changes/{answer.ref}/")

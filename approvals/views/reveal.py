"""What is hidden of a request, shown once to who asks for it; that is recorded first."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals import kinds, queries
from approvals.commands.exports import record_reveal
from approvals.rules import may
from approvals.views.frame import reader
from approvals.wording import visible


@require_POST
def reveal(request: HttpRequest, ref: str) -> HttpResponse:
    person = reader(request)
    item = queries.find(ref, person)
    if item is None or not may("inspect", item, person):
        raise Http404(ref)
    facts = [fact for fact in kinds.kind_of(item.kind).facts(item.payload) if fact.is_private]
    if not facts:
        raise Http404(ref)
    fields = [fact.label for fact in facts]
    record_reveal(person=person, ref=item.ref, fields=fields, at=timezone.now())
    context = {
        "ref": item.ref,
        "facts": [{"label": fact.label, "value": visible(fact.value)} for fact in facts],
    }
    return render(request, "approvals/reveal.html", context)

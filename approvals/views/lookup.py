"""What happened? For support: one search, a plain answer, and a reply that can be copied."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import escape, format_html
from django.views.decorators.http import require_GET, require_http_methods

from approvals import answers, finding, kinds, queries
from approvals.answers import answer
from approvals.commands.copying import copy_reply
from approvals.explain import Waiting
from approvals.models import ApprovalRequest
from approvals.refusals import Refusal
from approvals.replies import ENGLISH, LANGUAGES
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import new_key, reader, with_query
from approvals.wording import visible

MOST, MOST_OTHERS = 20, 5
RECENT = timedelta(days=90)


@require_GET
def lookup(request: HttpRequest) -> HttpResponse:
    typed = visible(request.GET.get("q", "").replace("\x00", ""))[:100].strip()
    context: dict = {"q": typed, "language": _language(request), "languages": _languages()}
    if typed:
        context |= _results(request, typed)
    return render(request, "approvals/lookup.html", context)


def _language(request: HttpRequest) -> str:
    wanted = request.GET.get("language", ENGLISH)
    return wanted if wanted in LANGUAGES else ENGLISH


def _languages() -> list[tuple[str, str]]:
    return [(code, language.name) for code, language in LANGUAGES.items()]


def _results(request: HttpRequest, typed: str) -> dict:
    now, is_older = timezone.now(), "older" in request.GET
    seen = queries.seen_by(reader(request))
    recent = seen if is_older else seen.filter(created_at__gte=now - RECENT)
    hits = _hits(recent, typed)
    if not hits:
        return {"empty": _nothing(request, typed, is_older)}
    wanted = Q(pk__in=[pk for pk, _ in hits])
    hit, customer = hits[0]
    if len(hits) == 1:
        others = _in_order(_of_customer(seen, customer).exclude(pk=hit))
        wanted |= Q(pk__in=others.values("pk")[:MOST_OTHERS])
    found = list(_in_order(seen.filter(wanted)))
    waiting = queries.explained(found, now)
    lines = {item.pk: _line(request, item, waiting[item.pk]) for item in found}
    if len(hits) > 1:
        return {"results": [*lines.values()]}
    item = next(item for item in found if item.pk == hit)
    return {
        "answer": _answer(request, item, waiting[hit], now),
        "also": [line for pk, line in lines.items() if pk != hit],
    }


def _hits(seen: QuerySet[ApprovalRequest], typed: str) -> list[tuple[int, str]]:
    """The newest that the reader sees, id and customer: those called exactly this, if there are any."""
    exact = seen.filter(pk__in=finding.named(typed))
    alike = seen.filter(~Exists(exact), pk__in=finding.resembling(typed))
    newest, more = (
        _in_order(found).values_list("pk", "customer")[:MOST] for found in (exact, alike)
    )
    return list(newest.union(more, all=True))


def _of_customer(seen: QuerySet[ApprovalRequest], name: str) -> QuerySet[ApprovalRequest]:
    """Whoever is forgotten is called the same as all others who are."""
    return seen.filter(finding.of_customer(name), forgotten_at=None)


def _in_order(found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return found.order_by("-created_at", "-id")


def _nothing(request: HttpRequest, typed: str, is_older: bool) -> dict:
    """What is said when nothing was found, and where else to look."""
    return {
        "sentence": f"No request for “{typed}”{'' if is_older else ' in the last 90 days'}. "
        "Check the number, or search by customer.",
        "older_url": "" if is_older else with_query(request, older="yes"),
        "may_ask": bool(reader(request).queues_with("submit_request")),
    }


def _answer(request: HttpRequest, item: ApprovalRequest, waiting: Waiting, now: datetime) -> dict:
    said = answer(item, waiting, now, _language(request))
    return {
        "url": f"/requests/{item.ref}/",
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "asked_at": item.created_at,
        "as_of": said.as_of,
        "agent": said.agent,
        "customer": said.customer or answers.NO_TEXT,
        "reply": said.reply,
        "copy_key": new_key(),
        "safe": said.safe,
        "unsafe": said.unsafe,
        "question": _question(item) if may("note", item, reader(request)) else "",
        "note_key": new_key(),
    }


def _question(item: ApprovalRequest) -> str:
    """What somebody at operations needs to know to answer; the agent can change it."""
    ticket = f" (ticket {visible(item.ticket)})" if item.ticket else ""
    return f"The customer asks again{ticket}. What can I tell them, and by when?"


def _line(request: HttpRequest, item: ApprovalRequest, waiting: Waiting) -> dict:
    return {
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "url": f"/requests/{item.ref}/",
        "lookup_url": _lookup_url(item.ref, _language(request)),
        "status": {"label": waiting.label, "tone": waiting.tone},
        "created_at": item.created_at,
    }


def _lookup_url(ref: str, language: str) -> str:
    """Also for an old request: it is looked for by its own name."""
    chosen = {} if language == ENGLISH else {"language": language}
    return f"/lookup/?{urlencode({'q': ref, **chosen, 'older': 'yes'})}"


# --- The reply was copied --------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def copied(request: HttpRequest, ref: str) -> HttpResponse:
    """Record it. To a script, one sentence; without one, the answer again with that sentence."""
    language = request.POST.get("language", "")
    here = _lookup_url(ref, language if language in LANGUAGES else ENGLISH)
    if request.method != "POST":
        return redirect(here)
    try:
        done = copy_reply(
            ref=ref,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            language=language,
            reply_id=request.POST.get("reply_id", "")[:64],
        )
    except Refusal as refusal:
        if request.htmx:
            said = format_html('<span class="field-error">{}</span>', errors.sentence_of(refusal))
            return HttpResponse(said, status=refusal.status)
        return errors.refused(request, refusal, ref=ref, back=here)
    if request.htmx:
        return HttpResponse(escape(done.sentence))
    messages.success(request, done.sentence, extra_tags="done")
    return redirect(here)

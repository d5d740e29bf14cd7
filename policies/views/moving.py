"""Moving open requests to the live version of their policy: what each would need, before it is done."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals import policy_words
from approvals.commands import bulk
from approvals.commands import moving as commands
from approvals.commands.bulk import Frozen, Told
from approvals.commands.moving import Preview, preview
from approvals.models import ApprovalRequest, Policy
from approvals.refusals import Invalid, NotAllowed
from approvals.routing import Rule
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import form_key, reader, whole
from approvals.wording import visible
from policies import queries
from policies.views import frame


@require_http_methods(["GET", "HEAD", "POST"])
def moving(request: HttpRequest, slug: str) -> HttpResponse:
    shown = frame.found(request, slug)
    verdict = may("write_policy", shown, reader(request))
    if not verdict:
        return errors.refused(request, NotAllowed(verdict), ref=slug, back=f"/policies/{slug}/")
    if request.method != "POST":
        return _page(request, shown)
    reason = request.POST.get("reason", "")
    rows = [row for text in request.POST.getlist("row") if (row := _frozen(text)) is not None]
    if not rows:
        return _page(request, shown, "Choose the requests that are moved.", status=422)
    if len(rows) > bulk.MOST:
        return _page(request, shown, f"Choose at most {bulk.MOST} at a time.", status=422)
    try:
        told = bulk.each(
            commands.move_policy,
            rows,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            to=whole(request.POST.get("to")) or 0,
            reason=reason,
        )
    except Invalid as invalid:
        return _page(request, shown, " ".join(invalid.errors.values()), status=422)
    return _told(request, shown, told)


def _frozen(text: str) -> Frozen | None:
    """“RF-2041:7”, as the list was shown."""
    ref, _, version = text.partition(":")
    number = whole(version)
    return Frozen(ref.upper(), number) if ref and number is not None else None


def _page(
    request: HttpRequest, shown: Policy, error: str = "", *, status: int = 200
) -> HttpResponse:
    chosen = {text.partition(":")[0] for text in request.POST.getlist("row")}
    found = list(queries.on_older_versions(shown)[: queries.MOST_MOVED + 1])
    rows = [
        _row(preview(item, shown.live), chosen)
        for item in found[: queries.MOST_MOVED]
        if may("view", item, reader(request))
    ]
    context = {
        "name": visible(shown.name),
        "slug": shown.slug,
        "live": shown.live.number,
        "rows": rows,
        "is_cut": len(found) > queries.MOST_MOVED,
        "error": error,
        "reason": visible(request.POST.get("reason", ""))[:5000],
        "key": form_key(request),
    }
    return render(request, "policies/moving.html", context, status=status)


def _row(found: Preview, chosen: set[str]) -> dict:
    item: ApprovalRequest = found.item
    return {
        "ref": item.ref,
        "value": f"{item.ref}:{item.version}",
        "url": f"/requests/{item.ref}/",
        "number": item.policy_version.number,
        "was": _in_words(found.was),
        "now": _in_words(found.rule),
        "refusal": found.refusal,
        "is_same": not found.changes,
        "is_chosen": item.ref in chosen,
    }


def _in_words(rule: Rule | None) -> str:
    if rule is None:
        return "No rule"
    steps = "; then ".join(policy_words.steps(rule)) or "nobody has to approve"
    return visible(f"{rule.name}: {steps}")


def _told(request: HttpRequest, shown: Policy, told: list[Told]) -> HttpResponse:
    context = {
        "name": visible(shown.name),
        "slug": shown.slug,
        "done": [one for one in told if one.is_done],
        "left": [one for one in told if not one.is_done],
    }
    return render(request, "policies/moved.html", context)

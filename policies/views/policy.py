"""One policy: its live table, its drafts and its history; one version; and a version as a file."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals import policy_file
from approvals.models import Policy, PolicyVersion
from approvals.views.frame import new_key
from approvals.wording import short_name, visible
from policies import linting, queries
from policies.views import frame


@require_GET
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    shown = frame.found(request, slug)
    writes = frame.writes(request, shown)
    counts = queries.open_by_version(shown)
    older = sum(count for pk, count in counts.items() if pk != shown.live_id)
    findings = linting.lint_table(shown, shown.live.table)
    context = {
        "name": visible(shown.name),
        "slug": shown.slug,
        "live": shown.live.number,
        "queues": ", ".join(visible(queue.name) for queue in shown.queues.all()),
        "rules": frame.rules(shown.live.table, findings),
        "findings": [one.sentence for one in findings if not one.rule],
        "begin": {"key": new_key()} if writes else None,
        "drafts": [
            {
                "url": frame.url_of(draft),
                "number": draft.pk,
                "purpose": visible(draft.purpose) or "No purpose is given yet.",
                "by": visible(short_name(draft.created_by.name)),
                "at": draft.updated_at,
                "is_behind": draft.based_on_id != shown.live_id,
            }
            for draft in queries.open_drafts(shown)
        ],
        "versions": [_version(one, counts) for one in queries.versions(shown)],
        "older": older,
        "moves": older if writes else 0,
    }
    return render(request, "policies/policy.html", context)


def _version(version: PolicyVersion, counts: dict[int, int]) -> dict:
    draft = getattr(version, "draft", None)
    return {
        "number": version.number,
        "url": f"v/{version.number}/",
        "at": version.loaded_at,
        "by": visible(short_name(version.loaded_by.name))
        if version.loaded_by
        else "the command line",
        "written_by": visible(short_name(draft.created_by.name)) if draft else "",
        "reason": visible(version.reason),
        "open": counts.get(version.pk, 0),
    }


@require_GET
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    shown = frame.found(request, slug)
    one = _found(shown, number)
    before = shown.versions.filter(number=number - 1).first()
    is_live = one.pk == shown.live_id
    context = {
        "name": visible(shown.name),
        "slug": shown.slug,
        "number": number,
        "is_live": is_live,
        "at": one.loaded_at,
        "reason": visible(one.reason),
        "rules": frame.rules(one.table),
        "before": before.number if before else None,
        "differences": frame.differences(before, one.table) if before else [],
        "back": {"key": new_key()} if not is_live and frame.writes(request, shown) else None,
    }
    return render(request, "policies/version.html", context)


@require_GET
def file(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """As `manage.py dump_policy` prints it."""
    shown = frame.found(request, slug)
    text = policy_file.write(slug=slug, name=shown.name, table=_found(shown, number).table)
    response = HttpResponse(text, content_type="application/toml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-{number}.toml"'
    return response


def _found(shown: Policy, number: int) -> PolicyVersion:
    one = shown.versions.filter(number=number).first() if number < 2**31 else None
    if one is None:
        raise Http404(str(number))
    return one

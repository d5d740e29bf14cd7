"""A draft: filled in, worded by its sender, then sent."""

from collections.abc import Callable

from django.forms import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.commands.frame import Answer
from approvals.refusals import Invalid, Refusal
from approvals.views.frame import form_key, reader
from approvals.wording import short_name, visible
from handoffs import filling, queries
from handoffs.commands.drafting import fill_again, save_draft, send_handoff
from handoffs.forms import DraftForm, typed_of
from handoffs.models import OF_REQUESTS, Handoff, HandoffState, Section
from handoffs.queries import Seen
from handoffs.views import frame, parts


@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    return _carry_out(request, pk, save_draft)


@require_POST
def fill(request: HttpRequest, pk: int) -> HttpResponse:
    return _carry_out(request, pk, fill_again)


@require_POST
def send(request: HttpRequest, pk: int) -> HttpResponse:
    return _carry_out(request, pk, send_handoff)


def _carry_out(request: HttpRequest, pk: int, command: Callable[..., Answer]) -> HttpResponse:
    frame.found(request, pk)
    try:
        answer = command(
            handoff_id=pk,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
            version=frame.version_seen(request),
            typed=typed_of(request.POST),
        )
    except Invalid as invalid:
        return page(request, frame.found(request, pk), invalid=invalid)
    except Refusal as refusal:
        return frame.refused(request, refusal, pk, kept=request.POST.get("note", ""))
    return frame.ended_well(request, answer)


def page(request: HttpRequest, draft: Handoff, *, invalid: Invalid | None = None) -> HttpResponse:
    """The draft with what was typed, and what is wrong with that."""
    person, now = reader(request), timezone.now()
    if draft.state != HandoffState.DRAFT:
        raise Http404(str(draft.pk))
    seen = queries.seen_lines(draft, person, now)
    ending = parts.ending(draft, person)
    empty = filling.empty_sections(
        draft, [one.line.section for one in seen], ending["done"]["count"], note=""
    )
    form = _form(request, draft, seen, empty)
    for field, sentence in (invalid.errors if invalid else {}).items():
        if field not in form.errors:
            form.add_error(field if field in form.fields else None, sentence)
    context = {
        **parts.head(draft, now),
        **ending,
        "form": form,
        "sections": [_section(draft, section, seen, form) for section in OF_REQUESTS],
        "none_changed": _field(form, "none_changed"),
        "none_done": _field(form, "none_done"),
        "none_note": form["none_note"],
        "changed_since": queries.changed_since_filled(draft, person, now),
        "key": form_key(request),
        "version": frame.version_seen(request) or draft.version,
        "base": frame.url_of(draft.pk),
    }
    return render(request, "handoffs/draft.html", context, status=422 if invalid else 200)


def _form(
    request: HttpRequest, draft: Handoff, seen: list[Seen], empty: list[Section]
) -> DraftForm:
    risky = [one.line for one in seen if one.line.section == Section.RISKY]
    ticked = {f"none_{section}": True for section in draft.nones}
    return DraftForm(
        request.POST if request.method == "POST" else None,
        lines=risky,
        people=queries.owners(line.item.queue_id for line in risky),
        empty=empty,
        initial={"note": draft.note, **ticked},
    )


def _field(form: DraftForm, name: str) -> BoundField | None:
    return form[name] if name in form.fields else None


def _section(draft: Handoff, section: Section, seen: list[Seen], form: DraftForm) -> dict:
    return {
        "number": parts.number_of(section),
        "slug": section.value,
        "label": section.label,
        "is_risky": section == Section.RISKY,
        "rows": [_row(one, form) for one in seen if one.line.section == section.value],
        "left_out": draft.left_out.get(section.value, 0),
        "none": _field(form, f"none_{section.value}"),
    }


def _row(one: Seen, form: DraftForm) -> dict:
    names = [f"{name}_{one.line.pk}" for name in ("next", "if", "to")]
    return {
        "ref": one.item.ref,
        "url": f"/requests/{one.item.ref}/",
        "title": one.line.title,
        "now": {"label": one.waiting.label, "tone": one.waiting.tone},
        "sentence": visible(one.waiting.sentence),
        "owner": short_name(visible(one.item.owner.name)) if one.item.owner else "Unclaimed",
        "fields": [form[name] for name in names if name in form.fields],
    }

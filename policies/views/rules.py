"""One rule of a draft: changed, added, removed or moved, without a word of TOML."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from approvals.commands.frame import Answer
from approvals.refusals import Invalid, NotAllowed, Refusal, VersionMismatch
from approvals.rules import may
from approvals.views import errors
from approvals.views.frame import form_key, reader, whole
from approvals.wording import visible
from policies import queries
from policies.commands import drafts
from policies.edits import Add, Change, Edit, Move, Remove
from policies.models import Draft, DraftState
from policies.rule_forms.fields import Choices, Names, names
from policies.rule_forms.whole import WholeForm, for_rule
from policies.views import frame

WAYS = {"up": -1, "down": 1}


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, pk: int, number: int) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    if request.method != "POST":
        return _unless_closed(request, shown) or _first_page(request, shown, number)
    form = WholeForm(names=_names(shown, number), was=_rule(shown, number), data=request.POST)
    return _answered(request, shown, form, number)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    if request.method != "POST":
        return _unless_closed(request, shown) or _first_page(request, shown, None)
    form = WholeForm(names=_names(shown), was={}, places=_places(shown), data=request.POST)
    return _answered(request, shown, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, slug: str, pk: int, number: int) -> HttpResponse:
    shown = frame.found_draft(request, slug, pk)
    if request.method == "POST":
        return _done(request, shown, Remove(number))
    return _unless_closed(request, shown) or _ask_to_remove(request, shown, number)


@require_POST
def move(request: HttpRequest, slug: str, pk: int, number: int, way: str) -> HttpResponse:
    if way not in WAYS:
        raise Http404(way)
    shown = frame.found_draft(request, slug, pk)
    return _done(request, shown, Move(number, to=number + WAYS[way]))


def _unless_closed(request: HttpRequest, shown: Draft) -> HttpResponse | None:
    """Nothing is asked of who may not write it, nor of a draft that is over."""
    verdict = may("write_policy", shown.policy, reader(request))
    if not verdict:
        back = frame.url_of(shown)
        return errors.refused(request, NotAllowed(verdict), ref="the draft", back=back)
    if shown.state != DraftState.OPEN:
        return redirect("draft", slug=shown.policy.slug, pk=shown.pk)
    return None


def _first_page(request: HttpRequest, shown: Draft, number: int | None) -> HttpResponse:
    if number is not None:
        _existing(shown, number)
    form = for_rule(
        names=_names(shown, number),
        was=_rule(shown, number),
        purpose=shown.purpose,
        places=_places(shown) if number is None else (),
        place=request.GET.get("before") or str(len(shown.table) + 1),
    )
    return _page(request, shown, form, number)


def _answered(
    request: HttpRequest, shown: Draft, form: WholeForm, number: int | None
) -> HttpResponse:
    """Saved, shown again with what is wrong, or with other rows of steps."""
    if "rows" in request.POST:
        rearranged = form.rearranged(request.POST["rows"])
        return _shown_again(request, shown, rearranged, number)
    if not form.is_valid():
        return _shown_again(request, shown, form, number, status=422)
    try:
        answer = _carry_out(request, shown, _edit(form, number), form.rule.cleaned_data["purpose"])
    except Invalid as invalid:
        form.refuse(invalid)
        return _page(request, shown, form, number, status=422)
    except Refusal as refusal:
        return _refused(request, shown, refusal, kept=form.in_words())
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect("draft", slug=shown.policy.slug, pk=shown.pk)


def _shown_again(
    request: HttpRequest, shown: Draft, form: WholeForm, number: int | None, *, status: int = 200
) -> HttpResponse:
    """Unless there is nothing to go on with: the draft is over, or another than what was seen."""
    if whole(request.POST.get("version")) != shown.version:
        stale = VersionMismatch("The draft changed while you were reading. Nothing was recorded.")
        return _refused(request, shown, stale, kept=form.in_words())
    return _unless_closed(request, shown) or _page(request, shown, form, number, status=status)


def _edit(form: WholeForm, number: int | None) -> Edit:
    if number is None:
        return Add(int(form.rule.cleaned_data["place"]), form.typed())
    return Change(number, form.typed())


def _done(request: HttpRequest, shown: Draft, edit: Edit) -> HttpResponse:
    """Of what needs no form."""
    try:
        messages.success(request, _carry_out(request, shown, edit).sentence, extra_tags="done")
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
    except Refusal as refusal:
        return _refused(request, shown, refusal)
    return redirect("draft", slug=shown.policy.slug, pk=shown.pk)


def _carry_out(
    request: HttpRequest, shown: Draft, edit: Edit, purpose: str | None = None
) -> Answer:
    seen = whole(request.POST.get("version"))
    return drafts.change_rule(
        pk=shown.pk,
        version=seen if seen is not None else 0,
        edit=edit,
        purpose=purpose,
        by=request.user,
        at=timezone.now(),
        key=request.POST.get("idempotency_key", ""),
    )


def _refused(
    request: HttpRequest, shown: Draft, refusal: Refusal, *, kept: str = ""
) -> HttpResponse:
    back = frame.url_of(shown)
    return errors.refused(request, refusal, ref="the draft", back=back, kept_text=kept)


def _page(
    request: HttpRequest, shown: Draft, form: WholeForm, number: int | None, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "what": _heading(shown, number),
        "submit": "Add the rule" if number is None else "Save the rule",
        "back_url": frame.url_of(shown),
        "key": form_key(request),
        "version": whole(request.POST.get("version")) or shown.version,
    }
    return render(request, "policies/rule.html", context, status=status)


def _heading(shown: Draft, number: int | None) -> str:
    if number is None:
        return f"Add a rule to the draft of {visible(shown.name)}"
    name = _rule(shown, number).get("name", "")
    return f"Change rule {number}: {visible(name)}" if name else f"Change rule {number}"


def _ask_to_remove(request: HttpRequest, shown: Draft, number: int) -> HttpResponse:
    name = visible(_existing(shown, number)["name"])
    context = {
        "question": f"Remove “{name}” from the draft?",
        "effect_line": "What it catches falls to the rules below it; what no rule catches is refused.",
        "not_effect_line": "What is live stays as it is until the draft is published.",
        "submit_label": "Remove the rule",
        "danger": True,
        "action_url": request.path,
        "back_url": frame.url_of(shown),
        "key": form_key(request),
        "version": shown.version,
    }
    return render(request, "approvals/confirm.html", context)


def _existing(shown: Draft, number: int) -> dict:
    rule = _rule(shown, number)
    if not rule:
        raise Http404(str(number))
    return rule


def _rule(shown: Draft, number: int | None) -> dict:
    """As it stands; empty for one that is not, or not any more."""
    is_there = number is not None and 1 <= number <= len(shown.table)
    return shown.table[number - 1] if is_there else {}


def _names(shown: Draft, number: int | None = None) -> Names:
    return names(queries.team_names(), _rule(shown, number))


def _places(shown: Draft) -> Choices:
    rules = enumerate(shown.table, start=1)
    before = [(str(number), f"Before {number}. {visible(rule['name'])}") for number, rule in rules]
    return [*before, (str(len(shown.table) + 1), "At the end")]

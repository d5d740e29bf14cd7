"""A team: who is in it, and what its approvals may come to in 24 hours."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Ceiling, Membership, Team
from approvals.wording import money, visible
from rights.changes import Seat
from rights.forms import CeilingForm, WhyForm, shown_limit
from rights.views import frame


@require_GET
def team(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _found(request, pk)
    ceilings = {
        one.user_id: f"up to {money(one.amount, one.currency)} in 24 hours"
        for one in shown.ceilings.all()
    }
    seats = Membership.objects.filter(group=shown).select_related("user").order_by("user__name")
    context = {
        "name": visible(shown.name),
        "number": pk,
        "hours": f"{shown.opens_at:%H:%M} to {shown.closes_at:%H:%M}, {shown.place}",
        "needs_factor": shown.needs_second_factor,
        "ceiling": ceilings.get(None, "any sum in 24 hours"),
        "members": [_member(seat, ceilings) for seat in seats],
        "empty": {"sentence": "Nobody is in it. Steps that wait for it wait for nobody."},
    }
    return render(request, "rights/team.html", context)


def _member(seat: Membership, ceilings: dict[int | None, str]) -> dict[str, str]:
    limits = [Seat.of(seat).in_words, ceilings.get(seat.user_id, "")]
    return {
        "name": visible(seat.user.name),
        "url": f"/people/{seat.user_id}/access/",
        "seat_url": f"/people/{seat.user_id}/seats/{seat.group_id}/",
        "as": ", ".join(text for text in limits if text),
        "note": "" if seat.user.is_active else "account closed",
    }


@require_http_methods(["GET", "HEAD", "POST"])
def ceiling(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _found(request, pk)
    if request.method != "POST":
        return _form_page(request, shown, CeilingForm(initial=_now(shown)))
    form = CeilingForm(request.POST)
    if not form.is_valid():
        return _form_page(request, shown, form, status=422)
    reason, back = form.cleaned_data["reason"], f"/access/teams/{pk}/"
    return frame.check_page(request, form.written(shown), reason=reason, back=back)


def _now(shown: Team) -> dict[str, Any]:
    row = Ceiling.objects.filter(team=shown, user=None).first()
    return {"day": shown_limit(row.amount, row.currency) if row else ""}


@require_http_methods(["GET", "HEAD", "POST"])
def factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether its members need a second factor."""
    shown = _found(request, pk)
    need = "no longer need" if shown.needs_second_factor else "need"
    title = f"Members of {visible(shown.name)} {need} a second factor"
    if request.method != "POST":
        return _form_page(request, shown, WhyForm(), title=title)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _form_page(request, shown, form, title=title, status=422)
    written = {"what": "team_factor", "team": pk, "need": not shown.needs_second_factor}
    reason, back = form.cleaned_data["reason"], f"/access/teams/{pk}/"
    return frame.check_page(request, [written], reason=reason, back=back)


def _form_page(
    request: HttpRequest, shown: Team, form: WhyForm, *, title: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "title": title or f"What {visible(shown.name)} may approve in 24 hours",
        "form": form,
        "back_url": f"/access/teams/{shown.pk}/",
        "back_label": visible(shown.name),
    }
    return render(request, "rights/form.html", context, status=status)


def _found(request: HttpRequest, pk: int) -> Team:
    frame.administrator(request)
    shown = Team.objects.filter(pk=pk).first()
    if shown is None:
        raise Http404(str(pk))
    return shown

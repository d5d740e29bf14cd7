"""A person's own settings."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.settings_of_person import SettingsForm, change_settings
from approvals.views.frame import reader
from approvals.wording import money, visible


@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, SettingsForm(instance=request.user))
    form = SettingsForm(request.POST, instance=request.user)
    if not form.is_valid():
        request.user.refresh_from_db()
        return _page(request, form, status=422)
    change_settings(form, at=timezone.now())
    messages.success(request, "Your settings are saved.", extra_tags="done")
    return redirect("me")


def _page(request: HttpRequest, form: SettingsForm, *, status: int = 200) -> HttpResponse:
    teams = []
    for member in reader(request).teams.values():
        lead = ", lead" if member.is_lead else ""
        limit = ""
        if member.limit_amount is not None:
            limit = f", decides up to {money(member.limit_amount, member.limit_currency)}"
        teams.append(f"{visible(member.team)}{lead}{limit}")
    context = {
        "form": form,
        "teams": teams,
        "has_single_sign_on": bool(settings.SOCIALACCOUNT_PROVIDERS),
    }
    return render(request, "accounts/me.html", context, status=status)

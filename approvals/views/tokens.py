"""A person's tokens of the API: what each may do, when it was used, and its end."""

from datetime import timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from accounts import tokens
from accounts.models import ApiToken, Scope
from accounts.tokens import LONGEST_NAME, Made, TokenRefused
from approvals.forms import PlainForm
from approvals.views.frame import form_key, new_key
from approvals.wording import clock, visible

LIVES = [(days, f"{days} days") for days in (7, 30, 60, 90)]


class TokenForm(PlainForm):
    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="What it is for, such as “helpdesk”."
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ],
        help_text="Never more than you may yourself. To let it decide, you enter your password anew.",
    )
    days = forms.TypedChoiceField(
        label="It ends after", choices=LIVES, coerce=int, initial=30, help_text="90 days at most."
    )


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    lines = [_line(token, now) for token in request.user.tokens.all()]
    context = {
        "live": [line for line in lines if line["is_live"]],
        "ended": [line for line in lines if not line["is_live"]][:20],
    }
    return render(request, "accounts/tokens.html", context)


def _wants_to_decide(request: HttpRequest) -> bool:
    return request.method == "POST" and Scope.DECIDE in request.POST.getlist("scopes")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(enabled=_wants_to_decide)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form_page(request, TokenForm())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        made = tokens.make(
            request.user,
            **form.cleaned_data,
            at=timezone.now(),
            form_key=request.POST.get("idempotency_key", ""),
        )
    except TokenRefused as refusal:
        form.add_error(None, str(refusal))
        return _form_page(request, form, status=422)
    return _made_page(request, made)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(enabled=lambda request: request.method == "POST" and _decides(request))
def rotate(request: HttpRequest, prefix: str) -> HttpResponse:
    token = _find(request, prefix)
    if request.method != "POST":
        return _confirm(
            request,
            token,
            question=f"Make a new token in place of {token.name}?",
            effect="A new one that may do the same is made and shown once.",
            not_effect="The old one goes on for 24 hours, so that nothing stands still.",
            label="Make the new token",
        )
    try:
        made = tokens.rotate(
            token, at=timezone.now(), form_key=request.POST.get("idempotency_key", "")
        )
    except TokenRefused as refusal:
        messages.info(request, str(refusal), extra_tags="retrying")
        return redirect("tokens")
    return _made_page(request, made)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    token = _find(request, prefix)
    if request.method != "POST":
        return _confirm(
            request,
            token,
            question=f"Revoke {token.name}?",
            effect="From now on it opens nothing. What uses it stops.",
            not_effect="What was done with it stays as it is.",
            label=f"Revoke {token.name}",
            is_danger=True,
        )
    tokens.revoke(token, at=timezone.now())
    messages.success(request, f"{visible(token.name)} is revoked.", extra_tags="done")
    return redirect("tokens")


def _decides(request: HttpRequest) -> bool:
    prefix = request.resolver_match.kwargs["prefix"]
    return Scope.DECIDE in _find(request, prefix).scopes


def _find(request: HttpRequest, prefix: str) -> ApiToken:
    token = request.user.tokens.filter(prefix=prefix).first()
    if token is None:
        raise Http404
    return token


def _line(token: ApiToken, now: Any) -> dict[str, Any]:
    used = "Never used"
    if token.last_used_at is not None:
        used = f"{clock(token.last_used_at, now)}, from {token.last_used_from}"
    return {
        "name": visible(token.name),
        "shown": f"aq_{token.prefix}_…",
        "can": [Scope(scope).label for scope in token.scopes],
        "used": used,
        "ends_at": token.expires_at,
        "ends_soon": token.expires_at - now < timedelta(days=7),
        "is_replaced": token.replaced_at is not None,
        "end": "Revoked" if token.revoked_at else "Ended",
        "ended_at": token.revoked_at or token.expires_at,
        "is_live": token.is_live(now),
        "rotate_url": f"/me/tokens/{token.prefix}/rotate/",
        "revoke_url": f"/me/tokens/{token.prefix}/revoke/",
    }


def _form_page(request: HttpRequest, form: TokenForm, *, status: int = 200) -> HttpResponse:
    key = form_key(request)
    return render(request, "accounts/token_new.html", {"form": form, "key": key}, status=status)


@sensitive_variables()
def _made_page(request: HttpRequest, made: Made) -> HttpResponse:
    """The one time that a token is shown."""
    context = {"token": _line(made.token, timezone.now()), "secret": made.secret}
    return render(request, "accounts/token_made.html", context)


def _confirm(
    request: HttpRequest,
    token: ApiToken,
    *,
    question: str,
    effect: str,
    not_effect: str,
    label: str,
    is_danger: bool = False,
) -> HttpResponse:
    line = _line(token, timezone.now())
    context = {
        "question": visible(question),
        "effect_line": effect,
        "not_effect_line": not_effect,
        "facts": [
            {"label": "Token", "value": line["shown"]},
            {"label": "It may", "value": ", ".join(line["can"])},
            {"label": "Last used", "value": line["used"]},
        ],
        "submit_label": visible(label),
        "danger": is_danger,
        "action_url": request.path,
        "back_url": "/me/tokens/",
        "key": new_key(),
    }
    return render(request, "approvals/confirm.html", context)

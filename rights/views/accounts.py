"""New accounts, and links with which people choose their passwords."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import invitations
from accounts.models import User
from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from approvals.views.frame import form_key
from rights.commands import accounts
from rights.forms import AccountForm
from rights.views import frame

ASKED_BEFORE = "This form was sent before. Have another link mailed if none has come."
NOT_MAILED = "The mail server did not take the mail with the link. Have another one sent later."


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make an account, and mail its owner a link to choose a password."""
    frame.administrator(request)
    form = AccountForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form, status=422 if request.method == "POST" else 200)
    try:
        answer = accounts.make_account(
            **form.cleaned_data,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        )
    except Invalid as invalid:
        for name, sentence in invalid.errors.items():
            form.add_error(name, sentence)
        return _page(request, form, status=422)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="a new account", back="/people/new/")
    messages.success(request, answer.sentence, extra_tags="done")
    made = User.objects.get(pk=answer.ref)
    if not answer.is_replay and not made.is_service:
        _invite(request, made)
    return redirect("person_access", pk=made.pk)


def _invite(request: HttpRequest, made: User) -> None:
    if not settings.SENDS_MAIL:
        messages.info(request, accounts.without_mail(made), extra_tags="neutral")
    elif not invitations.mail_link(made):
        messages.error(request, NOT_MAILED, extra_tags="failed")


def _page(request: HttpRequest, form: AccountForm, *, status: int) -> HttpResponse:
    context = {
        "title": "New account",
        "form": form,
        "key": form_key(request),
        "button": "Make the account",
        "back_url": "/people/",
        "back_label": "People",
    }
    return render(request, "rights/form.html", context, status=status)


@require_POST
def send_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail somebody a link to choose a new password. Nobody else sees it."""
    whose = frame.found_person(request, pk)
    key = request.POST.get("idempotency_key", "")
    try:
        answer = accounts.send_link(pk=pk, by=request.user, at=timezone.now(), key=key)
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="a link", back=f"/people/{pk}/access/")
    if answer.is_replay:
        messages.info(request, ASKED_BEFORE, extra_tags="neutral")
    elif invitations.mail_link(whose):
        messages.success(request, answer.sentence, extra_tags="done")
    else:
        messages.error(request, NOT_MAILED, extra_tags="failed")
    return redirect("person_access", pk=pk)

"""What one person wants to be told, and how."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals.forms import add_errors
from approvals.refusals import Invalid
from notifications.commands import choose
from notifications.forms import PreferencesForm
from notifications.models import Letter, LetterState
from notifications.notices import preferences_of

LETTERS_SHOWN = 5
TONES = {
    LetterState.WAITING: "waiting",
    LetterState.SENDING: "running",
    LetterState.SENT: "done",
    LetterState.FAILED: "failed",
    LetterState.UNKNOWN: "unknown",
}


@require_http_methods(["GET", "HEAD", "POST"])
def notify(request: HttpRequest) -> HttpResponse:
    mine = preferences_of([request.user])[request.user.pk]
    if request.method != "POST":
        return _page(request, PreferencesForm(instance=mine))
    form = PreferencesForm(request.POST, instance=mine)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        choose(by=request.user, at=timezone.now(), **form.cleaned_data)
    except Invalid as invalid:
        add_errors(form, invalid)
        return _page(request, form, status=422)
    messages.success(request, "Your notifications are saved.", extra_tags="done")
    return redirect("notify")


def _page(request: HttpRequest, form: PreferencesForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "sends_mail": settings.SENDS_MAIL,
        "letters": [
            _line(letter) for letter in request.user.letters.order_by("-pk")[:LETTERS_SHOWN]
        ],
    }
    return render(request, "notifications/notify.html", context, status=status)


def _line(letter: Letter) -> dict:
    return {
        "subject": letter.subject,
        "at": letter.sent_at or letter.tried_at or letter.written_at,
        "status": {"label": letter.get_state_display(), "tone": TONES[letter.state]},
        "cause": letter.cause if letter.state != LetterState.SENT else "",
        "next_at": letter.next_at if letter.tries else None,
    }

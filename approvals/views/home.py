from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from approvals.rules import SEEING
from approvals.views.frame import reader


def home(request: HttpRequest) -> HttpResponse:
    """Everybody's own first page: what their work begins with."""
    person = reader(request)
    if person.queues_with("operate_request"):
        return redirect("/queue/?view=stuck")
    if person.queues_with("decide_request"):
        return redirect("decisions")
    if person.queues_with("audit_queue"):
        return redirect("/audit/")
    if person.is_staff and person.queues_with(*SEEING):
        return redirect("dashboard")
    if person.queues_with("answer_request"):
        return redirect("lookup")
    if person.queues_with("view_queue"):
        return redirect("queue")
    if person.is_staff:
        return redirect("admin:index")
    return redirect("help")

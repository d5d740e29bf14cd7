"""The pages, by the names of contract §3."""

from django.urls import path, register_converter

from approvals.api import v1
from approvals.views import (
    api_docs,
    approvers,
    attempt,
    bulk,
    changes,
    confirm,
    cover,
    dashboard,
    decisions,
    export,
    failures,
    go,
    health,
    help_page,
    home,
    hooks,
    lookup,
    me,
    metrics,
    new,
    parts,
    problems,
    queue,
    receipt,
    request,
    reveal,
    runbooks,
    saved_views,
    second_looks,
    sessions,
    systems,
    tokens,
)


class RefConverter:
    """A reference as people say it, such as RF-2041."""

    regex = r"[A-Za-z]{2,4}-[0-9]{1,15}"

    def to_python(self, value: str) -> str:
        return value.upper()

    def to_url(self, value: str) -> str:
        return value


register_converter(RefConverter, "ref")

urlpatterns = [
    path("api/v1/docs", api_docs.docs, name="api_docs"),
    path("api/v1/", v1.api.urls),
    path("", home.home, name="home"),
    path("queue/", queue.queue, name="queue"),
    path("queue/changes", changes.changes, name="queue_changes"),
    path("queue/export/", export.export, name="export"),
    path("dashboard/", dashboard.dashboard, name="dashboard"),
    path("queue/bulk/<slug:verb>/", bulk.selected, name="bulk_selected"),
    path("queue/views/", saved_views.save, name="save_view"),
    path("queue/views/<int:number>/delete/", saved_views.delete, name="delete_view"),
    path("decisions/", decisions.decisions, name="decisions"),
    path("requests/new/", new.choose, name="new"),
    path("requests/new/<slug:kind>/", new.details, name="new_details"),
    path("requests/new/<slug:kind>/check/", new.check, name="new_check"),
    path("requests/<ref:ref>/", request.detail, name="request"),
    path("requests/<ref:ref>/resubmit/", new.change, name="resubmit"),
    path("requests/<ref:ref>/approvers/", approvers.approvers, name="approvers"),
    path("requests/<ref:ref>/reveal/", reveal.reveal, name="reveal"),
    path("requests/<ref:ref>/receipt/", receipt.receipt, name="receipt"),
    path("requests/<ref:ref>/copy-reply/", lookup.copied, name="copy_reply"),
    path("requests/<ref:ref>/<slug:verb>/", confirm.confirm, name="verb"),
    path("requests/<ref:ref>/attempts/<int:number>/", attempt.attempt, name="attempt"),
    path("lookup/", lookup.lookup, name="lookup"),
    path("failures/", failures.board, name="failures"),
    path("failures/<slug:code>/", failures.cause, name="failure"),
    path("failures/<slug:code>/watch/", failures.watch, name="watch"),
    path("failures/<slug:code>/<slug:verb>/", bulk.bulk, name="bulk"),
    path("second-looks/", second_looks.second_looks, name="second_looks"),
    path("runbooks/", runbooks.index, name="runbooks"),
    path("runbooks/<slug:slug>/", runbooks.runbook, name="runbook"),
    path("systems/", systems.systems, name="systems"),
    path("systems/<slug:slug>/hold/", systems.hold, name="hold_system"),
    path("systems/<slug:slug>/resume/", systems.resume, name="resume_system"),
    path("go/", go.go, name="go"),
    path("help/", help_page.help_page, name="help"),
    path("help/keys/", help_page.keys, name="help_keys"),
    path("help/verify_receipt.py", receipt.verifier, name="verify_receipt"),
    path("help/parts/", parts.parts, name="parts"),
    path("me/", me.me, name="me"),
    path("me/cover/", cover.cover, name="cover"),
    path("me/cover/<int:number>/end/", cover.end, name="end_cover"),
    path("me/sessions/<int:number>/end/", sessions.end, name="end_session"),
    path("me/tokens/", tokens.index, name="tokens"),
    path("me/tokens/new/", tokens.new, name="new_token"),
    path("me/tokens/<slug:prefix>/rotate/", tokens.rotate, name="rotate_token"),
    path("me/tokens/<slug:prefix>/revoke/", tokens.revoke, name="revoke_token"),
    path("problems/", problems.index, name="problems"),
    path("problems/<slug:code>", problems.problem, name="problem"),
    path("problems/<slug:code>/", problems.problem),
    path("hooks/stripe/", hooks.stripe, name="stripe_webhook"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]

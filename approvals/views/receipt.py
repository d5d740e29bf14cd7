"""The receipt of a request: what proves its history to somebody who trusts only a public key."""

from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from approvals import queries
from approvals.commands.exports import record_receipt
from approvals.models import ApprovalRequest
from approvals.rules import may
from approvals.views import told
from approvals.views.frame import reader
from audit import notes, receipts, verify_receipt
from audit.receipts import NoReceipt

VERIFIER = Path(verify_receipt.__file__)


@require_http_methods(["GET", "HEAD", "POST"])
def receipt(request: HttpRequest, ref: str) -> HttpResponse:
    """GET shows it, to be printed, too; POST gives the file and is recorded, because it leaves us."""
    person = reader(request)
    item = queries.find(ref, person)
    if item is None or not may("inspect", item, person):
        raise Http404(ref)
    with_private = request.POST.get("personal") != "without"
    keys = settings.AUDIT_SIGNING_KEYS
    try:
        found = receipts.receipt(
            item.stream,
            at=(now := timezone.now()),
            key=keys[0].public if keys else None,
            with_private=with_private,
        )
    except NoReceipt as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    if request.method != "POST":
        return _page(request, item, found)
    record_receipt(person=person, ref=item.ref, with_private=with_private, at=now)
    response = HttpResponse(receipts.as_file(found), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{item.ref}.receipt.json"'
    return response


def _page(request: HttpRequest, item: ApprovalRequest, found: dict) -> HttpResponse:
    proven = {proof["seq"]: proof["index"] for proof in found["proofs"]}
    said = notes.parse(found["checkpoint"])[0] if found["checkpoint"] else None
    events = told.of_stream(item.stream)
    context = {
        "ref": item.ref,
        "checkpoint": said,
        "root": said.root.hex() if said else "",
        "note": found["checkpoint"],
        "public_key": found["public_key"],
        "count": len(found["events"]),
        "proven": len(proven),
        "events": [
            {
                **told.entry(event),
                "seq": event.seq,
                "hash": bytes(event.hash).hex(),
                "index": proven.get(event.seq),
            }
            for event in events
        ],
    }
    return render(request, "approvals/receipt.html", context)


@require_GET
def verifier(request: HttpRequest) -> HttpResponse:
    """The one file that checks a receipt, to be read and kept."""
    return FileResponse(
        VERIFIER.open("rb"),
        as_attachment=True,
        filename=VERIFIER.name,
        content_type="text/x-python; charset=utf-8",
    )

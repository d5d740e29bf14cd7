"""What stands around every page."""

from datetime import datetime

from approvals.views.parts.example import LONG, UNBROKEN, Example, Part, component, of


def parts(now: datetime) -> list[Part]:
    return [_topbar(), _tabs(), _notice(), _go_dialog()]


def _topbar() -> Part:
    few = [_link("Lookup", current=True), _link("New request")]
    many = [
        _link("Queue", count=12, current=True),
        _link("Decisions", count=1204),
        *(_link(label) for label in ("Lookup", "Failures", "Handoff")),
    ]
    more = [_link(label) for label in ("Dashboard", "New request", "Systems")]
    long = {"is_authenticated": True, "name": LONG, "email": UNBROKEN[8:90]}
    return Part(
        "topbar",
        "Top bar",
        "Where one can go, the time and who is signed in. At most seven links; the rest are under More.",
        [component("topbar"), component("nav"), component("mark")],
        of(
            component("topbar"),
            {
                "Nobody is signed in": {"user": None},
                "Few links": {"nav": few, "nav_more": [], "beside": {"new": 0}},
                "Many links": {"nav": many, "nav_more": more, "beside": {"new": 3}},
                "A long name": {"nav": few, "nav_more": [], "user": long},
            },
        ),
    )


def _link(label: str, *, count: int | None = None, current: bool = False) -> dict:
    return {"label": label, "url": "#part-topbar", "count": count, "current": current}


def _tabs() -> Part:
    queue = [
        _tab("Needs me", 2, current=True),
        *(_tab(label, n) for label, n in (("Stuck", 6), ("Waiting on people", 0), ("All", 1204))),
    ]
    saved = [*queue, _tab("Refunds over EUR 1,000.00, waiting on Finance"), _tab("دفعات معلقة")]
    return Part(
        "tabs",
        "Tabs",
        "Views of one list, each an address of its own, with how much is in it.",
        [component("tabs")],
        of(
            component("tabs"),
            {"With counts": {"tabs": queue}, "With views of one’s own": {"tabs": saved}},
        ),
    )


def _tab(label: str, count: int | None = None, *, current: bool = False) -> dict:
    return {"label": label, "url": "#part-tabs", "count": count, "current": current}


def _notice() -> Part:
    states = {
        "Done": _said("done", "Approved by you at 09:14 UTC. The refund starts in 30 s."),
        "With something to do": _said(
            "done",
            "Approved by you at 09:14 UTC.",
            action_url="#part-notice",
            action_label="Take back",
        ),
        "Beware": _said("retrying", "This view was deleted. The list shows what its address says."),
        "Refused": _said("failed", "Enter a whole number of requests, at least 1."),
        "Long": _said("neutral", f"A note was added. {LONG}{UNBROKEN}"),
    }
    return Part(
        "notice",
        "Notice",
        "What your last command did, at the head of the page. The first one takes the focus.",
        [component("notice")],
        of(component("notice"), states),
    )


def _said(tone: str, text: str, **more: str) -> dict:
    return {"notice": {"tone": tone, "text": text, **more}}


def _go_dialog() -> Part:
    return Part(
        "go_dialog",
        "Go to",
        "From everywhere to a request, ticket or page: Ctrl K. Here it stands open in its place.",
        [component("go_dialog")],
        [Example("Open", component("go_dialog"), {})],
    )

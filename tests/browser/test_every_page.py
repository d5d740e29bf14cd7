"""Every page, for every role, wide and narrow, light and dark, with and without JavaScript.

ui.md §6: checks 1 to 4, 6, 17, 18, 27 and 28. One context for a role and a theme; its pages in a loop.
"""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Page, Response, expect

from tests.browser import looking
from tests.browser.conftest import SignIn, Stored

WIDE, MIDDLE, NARROW = 1280, 768, 320
CAUSE = "/failures/too-many-requests/"
ROLES = {
    "ops": "ops@demo.test",
    "finance": "finance1@demo.test",
    "support": "support@demo.test",
    "auditor": "auditor@demo.test",
    "admin": "admin@demo.test",
}
EMAILS = {**ROLES, "london": "ops2@demo.test"}
# {state} stands for a request in that state, {state@name} for one that this person asked for.
PAGES = {
    "ops": [
        *("/help/", "/help/keys/", "/me/", "/me/cover/", "/me/notify/", "/me/tokens/", "/inbox/"),
        *(f"/queue/?view={view}" for view in ("me", "stuck", "people", "systems", "all")),
        "/queue/?view=all&q=nothing-like-this",
        "/queue/?view=all&state=done",
        *("/queue/bulk/claim/?row={retrying}:1", "/queue/bulk/assign/"),
        *("/requests/new/", "/requests/new/refund/", "/requests/new/account_change/"),
        "/requests/new/manual/",
        *(f"/requests/{{{state}}}/" for state in ("pending", "sent_back", "retrying", "in_doubt")),
        *(f"/requests/{{{state}}}/" for state in ("needs_person", "done", "rejected", "expired")),
        "/requests/{held}/",
        *("/requests/{retrying}/hold/", "/requests/{retrying}/try-again/"),
        *("/requests/{retrying}/assign/", "/requests/{retrying}/note/"),
        *("/requests/{in_doubt}/settle/", "/requests/{pending}/withdraw/"),
        "/requests/{retrying}/attempts/1/",
        *("/failures/", "/failures/?view=resolved", CAUSE, f"{CAUSE}hold/", f"{CAUSE}try-again/"),
        *(
            "/runbooks/",
            "/runbooks/outcome-unknown/",
            "/runbooks/outcome-unknown/?request={in_doubt}",
        ),
        *("/systems/", "/systems/stripe/hold/", "/dashboard/", "/lookup/", "/go/?q=acct"),
        *("/me/tokens/new/", "/api/v1/docs", "/problems/", "/problems/revision-mismatch"),
        "/inbox/?show=all",
        *("/handoff/", "/handoff/new/", "/handoff/1/", "/handoff/2/"),
        "/requests/XX-1/",
    ],
    "finance": [
        "/me/cover/",
        *("/decisions/", "/decisions/?show=decided", "/decisions/?show=cover"),
        *("/queue/?view=me", "/queue/?view=all", "/dashboard/?period=30d", "/failures/", CAUSE),
        *("/requests/{refund pending}/", "/requests/{refund pending}/approve/"),
        *("/requests/{refund pending}/reject/", "/requests/{refund pending}/send-back/"),
        *("/requests/{in_doubt}/", "/systems/", "/lookup/?q=ZD-9921", "/go/"),
        "/requests/{refund pending}/approvers/",
    ],
    "support": [
        *("/me/", "/me/cover/", "/inbox/"),
        *(
            "/lookup/",
            "/lookup/?q=ZD-9921",
            "/lookup/?q=nothing",
            "/lookup/?q=Ana+Silva",
            "/lookup/?q=ZD-9921&language=de",
        ),
        *("/requests/new/", "/requests/new/refund/"),
        *("/requests/{pending@support@demo.test}/", "/requests/{sent_back@support@demo.test}/"),
        "/requests/{sent_back@support@demo.test}/resubmit/",
        *(
            "/requests/{pending@support@demo.test}/note/",
            "/requests/{pending@support@demo.test}/withdraw/",
        ),
        *("/runbooks/provider-limits/", "/queue/?view=all", "/go/?q=refund"),
    ],
    "auditor": [
        *("/queue/?view=stuck", "/queue/?view=all", "/requests/{in_doubt}/", "/requests/{done}/"),
        *("/requests/{retrying}/attempts/1/", "/failures/", CAUSE, "/systems/", "/dashboard/"),
        *("/requests/{retrying}/?at=2999-01-01T00:00", "/requests/{done}/?at=2000-01-01T00:00"),
        "/requests/{done}/receipt/",
        "/runbooks/",
        *(
            "/audit/",
            "/audit/?outcome=denied",
            "/audit/?who=e",
            "/audit/?since=2026-11-24&to=2026-11-23",
        ),
        *("/audit/events/1/", "/audit/catalogue/", "/audit/verify/", "/second-looks/"),
        *("/policies/", "/policies/refunds/", "/policies/refunds/v/1/"),
        *("/access/", "/access/queues/refunds/decide_request/", "/access/review/"),
    ],
    "admin": [
        *("/dashboard/", "/handoff/", "/handoff/2/", "/failures/", "/systems/", "/queue/?view=all"),
        *(
            "/webhooks/",
            "/webhooks/new/",
            "/webhooks/1/",
            "/webhooks/1/edit/",
            "/webhooks/1/disable/",
        ),
        *("/policies/refunds/", "/policies/refunds/drafts/1/", "/policies/refunds/drafts/1/file/"),
        *("/policies/refunds/drafts/1/discard/", "/policies/refunds/move/"),
        *("/policies/refunds/drafts/1/rules/1/", "/policies/refunds/drafts/1/rules/new/"),
        "/policies/refunds/drafts/1/rules/1/remove/",
        *("/policies/refunds/simulate/", "/policies/refunds/simulations/1/"),
        "/policies/refunds/simulations/1/requests/?way=more_approvals",
        *("/access/", "/access/changes/", "/access/changes/1/", "/access/changes/1/withdraw/"),
        *("/access/queues/refunds/", "/access/queues/refunds/decide_request/", "/access/review/"),
        *(
            "/people/",
            "/people/new/",
            "/people/?q=nobody",
            "/people/3/access/",
            "/people/3/seats/2/",
        ),
        "/people/3/access/?verb=approve&request={refund pending}",
        *("/people/3/address/", "/people/3/administration/"),
        *("/access/teams/2/", "/access/teams/2/ceiling/"),
        *("/access/teams/2/second-factor/", "/people/3/second-factor/"),
    ],
}
MISTAKEN = ("/audit/?who=e", "/audit/?since=2026-11-24&to=2026-11-23")
ONE_REQUEST = """
select ref from approvals_approvalrequest item
join accounts_user on accounts_user.id = requested_by_id
where state = %(state)s and (%(kind)s = '' or kind = %(kind)s) and (held_at is not null) = %(held)s
and (not %(revised)s or revision > 1) and (%(asker)s = '' or email = %(asker)s) order by item.id limit 1
"""


def filled(address: str, stored: Stored) -> str:
    """With the references of requests as they are now."""

    def one(match: re.Match) -> str:
        wanted, _, asker = match[1].partition("@")
        *kind, state = wanted.split()
        values = {"kind": "".join(kind), "asker": asker}
        values |= {"held": state == "held", "revised": state == "revised"}
        stored_state = {"held": "approved", "revised": "pending"}.get(state, state)
        found = stored(ONE_REQUEST, state=stored_state, **values)
        assert found, f"There is no request for {match[0]}."
        return found[0][0]

    return re.sub(r"\{([^}]+)\}", one, address)


def addresses(role: str, stored: Stored) -> list[str]:
    return [filled(address, stored) for address in PAGES[role]]


class Watched:
    """A page with everything the browser complains of; `wrong` grows by one line for each."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site, self.wrong = page, site, []
        page.on("request", self._asked)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => "
            "console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`))"
        )
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.note([f"script failed: {error}"]))

    def _asked(self, request) -> None:
        if not request.url.startswith((self.site, "data:")):
            self.note([f"asked another host: {request.url}"])

    def _said(self, line) -> None:
        if line.type == "error" and "the server responded with a status" not in line.text:
            self.note([f"console: {line.text}"])

    def note(self, problems: list[str]) -> None:
        where = self.page.url.removeprefix(self.site)
        self.wrong += [f"{where}: {problem}" for problem in problems]

    def visit(self, address: str) -> Response:
        response = self.page.goto(address)
        wanted = (422,) if address in MISTAKEN else (200, 404)
        assert response.status in wanted, f"{address} answers {response.status}"
        assert (response.status == 404) == ("XX-1" in address), address
        self.note(looking.inline(response.text()))
        return response

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})


def report(record_property, totals: Counter) -> None:
    for what, count in totals.items():
        record_property(f"axe {what}", count)


def told(wrong: list[str], totals: Counter) -> str:
    return "\n".join([", ".join(f"{count} {what}" for what, count in totals.items()), *wrong])


@pytest.fixture
def watch(sign_in: SignIn, site: str):
    def begin(role: str, **options) -> Watched:
        return Watched(sign_in(EMAILS[role], **options), site)

    return begin


@pytest.mark.parametrize("role", ROLES)
def test_every_page_is_fine_in_the_light_with_the_keyboard_and_at_every_width(
    watch, stored: Stored, record_property, role: str
):
    """Checks 1 to 4, 6 and 18."""
    totals: Counter = Counter()
    watched = watch(role, color_scheme="light")
    page = watched.page
    for address in addresses(role, stored):
        watched.resize(WIDE)
        watched.visit(address)
        watched.note(looking.structure(page) + looking.times(page) + looking.axe(page, totals))
        watched.note(looking.sideways(page) + looking.small(page) + looking.tabbing(page))
        watched.resize(MIDDLE)
        watched.note(looking.sideways(page) + looking.small(page))
        watched.resize(NARROW)
        watched.note(looking.sideways(page) + looking.small(page))
    report(record_property, totals)
    assert watched.wrong == [], told(watched.wrong, totals)


@pytest.mark.parametrize("role", ROLES)
def test_every_page_is_fine_in_the_dark_on_a_small_screen(
    watch, stored: Stored, record_property, role: str
):
    """Checks 1, 2 and 4."""
    totals: Counter = Counter()
    watched = watch(role, color_scheme="dark", viewport={"width": NARROW, "height": 800})
    for address in addresses(role, stored):
        watched.visit(address)
        watched.note(looking.axe(watched.page, totals) + looking.sideways(watched.page))
    report(record_property, totals)
    assert watched.wrong == [], told(watched.wrong, totals)


@pytest.mark.parametrize("role", ROLES)
def test_every_page_is_whole_without_javascript(watch, stored: Stored, role: str):
    """Checks 2, 3, 4 and 6: what script would show is not shown, what is shown works without."""
    watched = watch(role, java_script_enabled=False, viewport={"width": NARROW, "height": 800})
    for address in addresses(role, stored):
        watched.visit(address)
        watched.note(looking.structure(watched.page) + looking.sideways(watched.page))
        watched.note(looking.small(watched.page) + looking.tabbing(watched.page))
        # One with a label for script has a form to send without it.
        shown = watched.page.locator(
            "[data-copy]:not([data-label]):visible, button[type=button]:visible"
        )
        watched.note(["a button that only script can serve"] * shown.count())
    assert watched.wrong == [], "\n".join(watched.wrong)


# --- What a page becomes when somebody does something on it ------------------------------------------


def open_go(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#go-q").fill("silva")
    expect(page.locator("#go-results a").first).to_be_visible()


def open_menus(page: Page) -> None:
    for summary in page.locator("summary:visible").all():
        summary.click()


def tick_two(page: Page) -> None:
    for number in range(2):
        page.get_by_role("checkbox", name=re.compile("^Select ")).nth(number).check()
    expect(page.locator("#ticked")).to_have_text("2 selected")


def send(page: Page) -> None:
    page.locator("main form.form button").first.click()
    expect(page.get_by_role("alert")).to_be_focused()


def send_what_was_seen_before(page: Page) -> None:
    page.locator("main input[name=revision]").evaluate("(field) => { field.value = 1; }")
    page.get_by_label("Reason").fill("Not covered.")
    send(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing was recorded")


def open_tables(page: Page) -> None:
    for summary in page.get_by_text("Show as table").all():
        summary.click()


def add_to_a_rule(page: Page) -> None:
    page.get_by_role("button", name="Add another step").click()
    expect(page.get_by_role("heading", name="Step 2")).to_be_focused()
    page.get_by_text("More of step 2").click()
    page.get_by_role("button", name="Add an escalation to step 2").click()
    page.get_by_text("More conditions").click()
    page.get_by_label("Tries").fill("0")
    page.get_by_label("Tries").press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()


STATES = {
    "the go dialog": ("ops", "/queue/?view=all", open_go),
    "open menus": ("ops", "/queue/?view=all", open_menus),
    "ticked rows": ("ops", "/queue/?view=stuck", tick_two),
    "tables of charts": ("ops", "/dashboard/", open_tables),
    "a missing reason": ("ops", "/requests/{retrying}/hold/", send),
    "an empty form": ("support", "/requests/new/refund/", send),
    "a rule with more steps": ("admin", "/policies/refunds/drafts/1/rules/1/", add_to_a_rule),
    "a conflict": ("finance", "/requests/{refund revised}/reject/", send_what_was_seen_before),
}


@pytest.mark.parametrize("state", STATES)
def test_what_a_page_becomes_is_accessible_and_fits(
    watch, stored: Stored, record_property, state: str
):
    """Checks 1 and 2."""
    role, address, change = STATES[state]
    totals: Counter = Counter()
    watched = watch(role)
    page = watched.page
    watched.visit(filled(address, stored))
    change(page)
    watched.note(looking.axe(page, totals) + looking.sideways(page) + looking.small(page))
    watched.resize(NARROW)
    page.emulate_media(color_scheme="dark")
    watched.note(looking.axe(page, totals) + looking.sideways(page) + looking.small(page))
    report(record_property, totals)
    assert watched.wrong == [], told(watched.wrong, totals)


def test_a_refusal_is_accessible_and_fits(watch, stored: Stored):
    """Check 1: the page of a 403."""
    watched = watch("support")
    response = watched.page.goto(filled("/requests/{pending@support@demo.test}/approve/", stored))
    assert response.status == 403
    watched.note(looking.axe(watched.page, Counter()) + looking.structure(watched.page))
    watched.resize(NARROW)
    watched.note(looking.sideways(watched.page) + looking.small(watched.page))
    assert watched.wrong == []


# --- Mistakes ----------------------------------------------------------------------------------------

WITH_MISTAKES = [  # who, where, a field that is filled
    ("support", "/requests/new/refund/", "Order"),
    ("support", "/requests/new/account_change/", "Customer account"),
    ("support", "/requests/new/manual/", "Customer"),
    ("ops", "/requests/{in_doubt}/settle/", "Reference"),
    ("ops", "/requests/{retrying}/hold/", ""),
    ("ops", "/systems/stripe/hold/", ""),
    ("ops", f"{CAUSE}hold/", ""),
    ("ops", "/me/tokens/new/", ""),
    ("finance", "/me/cover/", ""),
    ("admin", "/webhooks/new/", "Name"),
]


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("role", sorted({role for role, *_ in WITH_MISTAKES}))
def test_a_mistake_is_said_above_and_at_its_field_and_nothing_typed_is_lost(
    watch, stored: Stored, role: str, javascript: bool
):
    """Check 17."""
    page = watch(role, java_script_enabled=javascript).page
    for who, address, filled_in in WITH_MISTAKES:
        if who == role:
            page.goto(filled(address, stored))
            assert_told(page, filled_in)


def assert_told(page: Page, filled_in: str) -> None:
    """Sends the form with one field filled, if any."""
    if filled_in:
        page.get_by_label(filled_in).first.fill("88231")
    page.locator("main form.form").get_by_role("button").first.click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error: ")
    links = summary.get_by_role("link").all()
    assert links
    for link in links:
        sentence = link.inner_text()
        link.click()
        field = page.locator(link.get_attribute("href"))
        around = field.locator("xpath=ancestor::*[contains(@class, 'field')][1]")
        expect(around).to_contain_text(sentence)
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
    if filled_in:
        expect(page.get_by_label(filled_in).first).to_have_value("88231")


# --- Times, paper, and what people set in their system -----------------------------------------------


def test_a_time_is_in_utc_and_in_the_readers_own_zone_where_that_differs(watch, stored: Stored):
    """Check 18. Clocks that change are in approvals/test_wording.py."""
    address = filled("/requests/{retrying}/", stored)
    athens, london = watch("ops").page, watch("london").page
    for page in (athens, london):
        page.goto(address)
    written = r"\d\d:\d\d UTC \((\w{3} )?\d\d:\d\d Athens\), (in )?(\d+|under)"
    assert re.search(written, athens.locator(".why").inner_text())
    assert "Athens" not in london.locator(".why").inner_text()
    assert not re.search(r"UTC \((\w{3} )?\d\d:", london.locator("main").inner_text())


def test_a_request_prints_on_two_pages_without_the_navigation(watch, stored: Stored):
    """Check 27."""
    page = watch("ops").page
    page.goto(filled("/requests/{retrying}/", stored))
    page.emulate_media(media="print")
    for gone in (page.locator("nav"), page.locator("form"), page.locator(".button")):
        assert [one for one in gone.all() if one.is_visible()] == []
    expect(page.get_by_role("heading", name="Why it is waiting")).to_be_visible()
    expect(page.locator("#timeline")).to_be_visible()
    footer = page.locator("footer").inner_text()
    assert re.search(r"Time now \d\d:\d\d UTC", footer)
    assert f"Printed by Eleni Markou from {page.url}" in footer
    sheets = page.pdf(format="A4").count(b"/Type /Page\n")
    assert 1 <= sheets <= 2


CLIPPED = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((node) => node.checkVisibility() && !node.closest(".vh, .skip, svg, select, textarea"))
  .filter((node) => {
    const style = getComputedStyle(node);
    const hides = (way) => ["hidden", "clip"].includes(way);
    return hides(style.overflowX) && node.scrollWidth > node.clientWidth + 1
      || hides(style.overflowY) && node.scrollHeight > node.clientHeight + 1;
  })
  .filter((node) => getComputedStyle(node).clipPath === "none")
  .map((node) => `${node.localName} cuts off “${node.innerText.slice(0, 40)}”`)"""
MORE_SPACE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important; } p { margin-block-end: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}"""
SEEN_IN_FEW_COLOURS = """() => [...document.querySelectorAll(".tag, .count")]
  .filter((tag) => tag.checkVisibility())
  .filter((tag) => !tag.innerText.trim() || getComputedStyle(tag).borderTopStyle !== "solid")
  .map((tag) => `tag “${tag.innerText}” has no words or no border`)"""
MOVING = """() => [
  ...document.getAnimations().map((one) => `an animation of ${one.effect?.target?.className}`),
  ...[...document.querySelectorAll("body *")]
    .filter((node) => getComputedStyle(node).transitionDuration.split(", ").some((s) => s !== "0s"))
    .map((node) => `${node.className} moves over time`)]"""


LOOKED_AT = {
    "ops": ["/queue/?view=all", "/requests/{retrying}/", "/failures/", "/systems/", "/dashboard/"],
    "finance": ["/decisions/", "/requests/{refund pending}/"],
    "support": ["/lookup/?q=ZD-9921", "/requests/new/refund/"],
}


@pytest.mark.parametrize("role", LOOKED_AT)
def test_few_colours_no_motion_and_wider_text_lose_nothing(watch, stored: Stored, role: str):
    """Check 28. The browser asks for reduced motion in every test."""
    watched = watch(role)
    page = watched.page
    for address in LOOKED_AT[role]:
        watched.resize(WIDE)
        page.emulate_media(forced_colors="active")
        watched.visit(filled(address, stored))
        watched.note(page.evaluate(SEEN_IN_FEW_COLOURS) + page.evaluate(MOVING))
        page.emulate_media(forced_colors="none")
        page.evaluate(MORE_SPACE)
        for width in (WIDE, NARROW):
            watched.resize(width)
            watched.note(page.evaluate(CLIPPED) + looking.sideways(page))
    assert watched.wrong == []


EDGES = """(links) => links.map((link) => {
  const style = getComputedStyle(link);
  return `${style.borderBlockEndWidth} ${style.borderBlockEndColor}`;
})"""


def test_the_view_one_is_in_stands_out_in_few_colours(watch):
    """Borders that are transparent otherwise are drawn there."""
    page = watch("ops").page
    page.emulate_media(forced_colors="active")
    page.goto("/queue/?view=stuck")
    here = page.locator(".tabs [aria-current]").evaluate_all(EDGES)
    others = page.locator(".tabs a:not([aria-current])").evaluate_all(EDGES)
    assert len(here) == 1
    assert len(others) >= 4
    assert not set(here) & set(others)


# --- No page is forgotten ----------------------------------------------------------------------------

NO_PAGE = {  # answers that are no pages, and pages that only follow what somebody did
    *("home", "queue_changes", "export", "save_view", "delete_view", "watch", "end_cover"),
    *("new_check", "resume_system", "rotate_token", "revoke_token", "stripe_webhook", "metrics"),
    *(
        "csp_reports",
        "livez",
        "readyz",
        "mark_read",
        "watch_request",
        "verify_receipt",
        "reveal",
        "copy_reply",
    ),
    "parts",  # in DEBUG only: browser/test_parts.py
    *("webhook_delivery", "webhook_replay_one"),
    *("audit_export", "audit_check", "draft_begin", "rule_move", "trial_stop"),  # commands
    *("policy_file", "trial_export", "access_review_file"),  # files
    *("access_propose", "seats", "end_session", "end_sessions", "password_link", "account_email"),
    *("handoff_save", "handoff_fill", "handoff_send"),
    # Looked at where they are somebody's turn: browser/test_handoff.py.
    *("handoff_withdraw", "handoff_accept_all", "handoff_acknowledge", "handoff_answer"),
}


def names(patterns: list) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name or "allauth" in str(pattern.urlconf_name):
                continue  # the API, the administration and sign-in
            yield from names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def test_every_address_of_the_product_is_visited():
    visited = set()
    for address in {address for pages in PAGES.values() for address in pages}:
        path = re.sub(r"\{[^}]+\}", "RF-1", address).partition("?")[0]
        visited.add(resolve(path).url_name)
    assert set(names(get_resolver().url_patterns)) - visited - NO_PAGE == set()

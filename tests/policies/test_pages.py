"""The pages of policies: what is shown, what is typed wrongly, and that nothing typed is lost."""

import pytest
from django.test import Client

from accounts.models import User
from approvals import policy_file
from approvals.commands.policies import load_policy
from approvals.models import Policy
from policies.models import Draft, DraftState
from tests.conftest import PASSWORD
from tests.policies.test_drafts import TABLE, begin, change

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def as_(cast):
    def client(user: User, *, confirmed: bool = False) -> Client:
        found = Client()
        found.force_login(user)
        if confirmed:
            answer = found.post("/accounts/reauthenticate/", {"password": PASSWORD})
            assert answer.status_code == 302
        return found

    return client


@pytest.fixture
def other(cast) -> User:
    return User.objects.get(email="admin2@demo.test")


def text(response) -> str:
    return response.content.decode()


def test_everybody_who_works_here_can_read_what_is_live(cast, as_):
    for user in (cast.operator, cast.approver, cast.auditor, cast.admin):
        assert "Refunds over EUR 1,000" in text(as_(user).get("/policies/refunds/"))
        assert "EUR 1,000.01 and more" in text(as_(user).get("/policies/refunds/v/1/"))
    page = text(as_(cast.operator).get("/policies/refunds/"))
    assert "Finance, 2 of them" in page
    assert "New draft" not in page


@pytest.mark.parametrize("who", ["requester", "stranger"])
def test_nobody_else(cast, as_, who):
    for url in ("/policies/", "/policies/refunds/", "/policies/refunds/v/1/"):
        assert as_(getattr(cast, who)).get(url).status_code == 404


@pytest.mark.parametrize(
    "url", ["/policies/none/", "/policies/refunds/v/99/", "/policies/refunds/drafts/9/"]
)
def test_what_there_is_not(cast, as_, url):
    assert as_(cast.admin).get(url).status_code == 404


def test_a_draft_from_the_first_click_to_live(cast, as_, other):
    author = as_(cast.admin)
    begun = author.post("/policies/refunds/drafts/", {"idempotency_key": cast.key()})
    url = begun["Location"]
    form = text(author.get(f"{url}file/"))
    assert "slug = &quot;refunds&quot;" in form
    table = [{"name": "All <b>", "steps": [{"team": "Finance", "quorum": 2}]}]
    typed = {
        "text": policy_file.write(slug="refunds", name="Refunds", table=table),
        "purpose": "Two pairs of eyes.",
        "version": "1",
        "idempotency_key": cast.key(),
    }
    assert author.post(f"{url}file/", typed).status_code == 302
    shown = text(author.get(url))
    assert "You wrote some of it: somebody else publishes it." in shown
    assert "All &lt;b&gt;" in shown
    assert f"{url}publish/" not in shown
    old = as_(other).get(f"{url}publish/")
    assert "/accounts/reauthenticate/" in old["Location"]
    publisher = as_(other, confirmed=True)
    assert "Two pairs of eyes." in text(publisher.get(f"{url}publish/"))
    said = {"version": "2", "idempotency_key": cast.key()}
    assert publisher.post(f"{url}publish/", said)["Location"] == "/policies/refunds/"
    page = text(publisher.get("/policies/refunds/"))
    assert "Version 2 is live" in page
    assert "written by A. Lindqvist" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write the rules."),
        ("rules = [", "cannot be read"),
        ('slug = "refunds"\nname = "R"', "The policy has no rules."),
        ('slug = "other"\nname = "R"\n[[rules]]\nname = "A"\nsteps = []', "must stay “refunds”"),
        (
            'slug = "refunds"\nname = "R"\n[[rules]]\nname = "A"\nstep = []',
            "mean nothing here: step",
        ),
        ("# " + "x" * 500_001, "at most 500,000 characters"),
    ],
)
def test_what_is_typed_wrongly_is_said_and_kept(cast, as_, typed, said):
    draft = begin(cast)
    answer = as_(cast.admin).post(
        f"/policies/refunds/drafts/{draft.pk}/file/",
        {"text": typed, "purpose": "Kept words.", "version": "1", "idempotency_key": cast.key()},
    )
    assert answer.status_code == 422
    page = text(answer)
    assert said in page
    assert "Kept words." in page
    assert Draft.objects.get(pk=draft.pk).version == 1


def test_ten_megabytes_are_refused(cast, as_):
    draft = begin(cast)
    url = f"/policies/refunds/drafts/{draft.pk}/file/"
    answer = as_(cast.admin).post(url, {"text": "#" * 10_000_000})
    assert answer.status_code in (400, 413, 422)


def test_two_tabs(cast, as_, other):
    draft = begin(cast)
    change(cast, draft, by=other)
    typed = policy_file.write(slug="refunds", name="R", table=[{"name": "Mine", "steps": []}])
    answer = as_(cast.admin).post(
        f"/policies/refunds/drafts/{draft.pk}/file/",
        {"text": typed, "purpose": "", "version": "1", "idempotency_key": cast.key()},
    )
    assert answer.status_code == 409
    assert "Mine" in text(answer)
    assert Draft.objects.get(pk=draft.pk).table == TABLE


@pytest.mark.parametrize("verb", ["publish", "discard", "rebase", "nonsense"])
def test_looking_changes_nothing(cast, as_, other, verb):
    draft = change(cast, begin(cast))
    answer = as_(other, confirmed=True).get(f"/policies/refunds/drafts/{draft.pk}/{verb}/")
    assert answer.status_code == (404 if verb == "nonsense" else 200)
    draft.refresh_from_db()
    assert draft.state == DraftState.OPEN


def test_a_draft_can_be_discarded(cast, as_):
    draft = begin(cast)
    url = f"/policies/refunds/drafts/{draft.pk}/"
    said = {"version": "1", "idempotency_key": cast.key()}
    assert as_(cast.admin).post(f"{url}discard/", said).status_code == 302
    page = text(as_(cast.admin).get(url))
    assert "Discarded" in page
    assert "Add a rule" not in page


def test_a_file_to_take_along(cast, as_):
    answer = as_(cast.auditor).get("/policies/refunds/v/1/file/")
    read = policy_file.read(text(answer), called="f")
    assert read["table"] == Policy.objects.get(slug="refunds").live.table


def test_errors_of_a_draft_stand_beside_the_rule(cast, as_):
    table = [*TABLE, {"name": "Hidden", "steps": [{"team": "Nobody"}]}]
    draft = change(cast, begin(cast), table=table)
    page = text(as_(cast.admin).get(f"/policies/refunds/drafts/{draft.pk}/"))
    assert "“Hidden” never counts" in page
    assert "there is no team “Nobody”" in page


def test_moving_shows_what_each_would_need(cast, as_):
    item = cast.ask()
    load_policy(slug="refunds", name="Refunds", table=TABLE, at=cast.now)
    admin = as_(cast.admin)
    assert "1 open request keeps an older version" in text(admin.get("/policies/refunds/"))
    page = text(admin.get("/policies/refunds/move/"))
    assert "Refunds over EUR 50: Finance" in page
    assert "All: Finance, 2 of them" in page
    nothing = admin.post("/policies/refunds/move/", {"to": "2", "reason": "Kept."})
    assert nothing.status_code == 422
    assert "Kept." in text(nothing)
    said = {"to": "2", "row": [f"{item.ref}:{item.version}"], "reason": "Two now."}
    blank = admin.post("/policies/refunds/move/", {**said, "reason": " "})
    assert blank.status_code == 422
    moved = admin.post("/policies/refunds/move/", {**said, "idempotency_key": cast.key()})
    assert "1 moved, 0 left alone" in text(moved)
    assert cast.get(item.ref).policy_version.number == 2
    assert as_(cast.operator).get("/policies/refunds/move/").status_code == 403


def test_a_stale_row_is_left_alone(cast, as_):
    item = cast.ask()
    load_policy(slug="refunds", name="Refunds", table=TABLE, at=cast.now)
    cast.approve(item)
    other = cast.ask()
    said = {"to": "2", "row": [f"{other.ref}:9", "XX", ":1"], "reason": "Two now."}
    page = text(as_(cast.admin).post("/policies/refunds/move/", {**said, "idempotency_key": "k"}))
    assert "0 moved, 1 left alone" in page

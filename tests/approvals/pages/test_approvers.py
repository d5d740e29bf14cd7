"""Who can decide, who cannot and why: the page, the rule and the lists say the same of everybody."""

import html
import re
from datetime import timedelta
from random import Random

import pytest

from accounts import access, grants
from accounts.models import Cover, Membership, Team, User
from approvals import queries
from approvals.commands import decide
from approvals.commands.policies import load_policy
from approvals.models import ApprovalRequest, Queue, State
from approvals.rules import may, step_for

pytestmark = pytest.mark.usefixtures("db")


def text(response) -> str:
    return html.unescape(response.content.decode())


def test_the_page_says_who_can_and_why_others_cannot(cast, as_):
    item = cast.ask(payload={"amount": 900_000})
    cast.approve(item)
    page = text(as_("operator").get(f"/requests/{item.ref}/approvers/"))
    assert "Step 1: Finance, 2 approvals, open" in page
    assert "Lars Sand." in page
    assert "Priya Roy</strong>: You can decide up to EUR 2,000.00" in page
    assert "Ines Weber</strong>: You have decided this step" in page


def test_and_which_rule_matched_and_why_the_others_did_not(cast, as_):
    item = cast.ask()
    page = text(as_("operator").get(f"/requests/{item.ref}/approvers/"))
    assert (
        "Refunds over EUR 1,000</strong> did not match: EUR 1,000.01 and more; it is EUR 88.00"
        in page
    )
    assert "Refunds over EUR 50</strong> matched" in page
    assert "Small refunds" not in page  # below the one that matched


def test_what_was_counted_is_told(cast, as_):
    often = {"recent": {"of": "customer", "within": "7 d", "count_from": 3}}
    value = {"value_currency": "USD", "value_from": 5}
    table = [
        {"name": "Often", "when": often, "steps": []},
        {"name": "Team", "when": {"requester_team": "Board"}, "steps": []},
        {"name": "Page", "when": {"origin": "api", "kind": "manual"}, "steps": []},
        {"name": "Worth", "when": value | {"value_from": 1}, "steps": [{"team": "Finance"}]},
    ]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    item = cast.ask()
    page = text(as_("operator").get(f"/requests/{item.ref}/approvers/"))
    assert "number 3 and later of the customer within 7 d; this is number 1" in page
    assert "asked by Board; who asked is of Support" in page
    assert "asked through the API; it is page" in page


def test_it_is_for_who_may_look_inside(cast, as_):
    item = cast.ask()
    for who in ("requester", "stranger"):
        assert as_(who).get(f"/requests/{item.ref}/approvers/").status_code == 404


def test_what_has_ended_waits_for_nobody(cast, as_):
    item = cast.ask(payload={"amount": 4_000})
    page = text(as_("operator").get(f"/requests/{item.ref}/approvers/"))
    assert "It does not wait for a decision." in page


# --- Any policy, any organisation ---------------------------------------------------------------------


def organise(cast, draw: Random) -> None:
    """Teams, limits, rights, covers, second accounts, programs and closed accounts, at random."""
    queue = Queue.objects.get(slug="refunds")
    boards = [Team.objects.create(name=name) for name in ("Board", "Risk")]
    keys = [user.person_key for user in User.objects.all()]
    for number in range(8):
        user = User.objects.create(
            email=f"p{number}@x.test",
            name=f"Person Nr{number}",
            is_active=draw.random() < 0.85,
            is_service=draw.random() < 0.1,
            **({"person_key": draw.choice(keys)} if draw.random() < 0.2 else {}),
        )
        for team in [*boards, Team.objects.get(name="Finance")]:
            if draw.random() < 0.4:
                limit = draw.choice([None, 5_000, 9_000])
                Membership.objects.create(
                    user=user,
                    group=team,
                    limit_amount=limit,
                    limit_currency="EUR" if limit else "",
                )
        if draw.random() < 0.2:
            grants.give("decide_request", to=user, on=queue)
    for team in boards:
        if draw.random() < 0.7:
            grants.give("decide_request", to=team, on=queue)
    everybody = list(User.objects.filter(is_service=False))
    for _ in range(3):
        person, by = draw.sample(everybody, 2)
        cover = Cover.objects.create(
            person=person,
            by=by,
            starts_at=cast.now - timedelta(days=1),
            ends_at=cast.now + timedelta(days=1),
            set_by=person,
            set_at=cast.now,
        )
        cover.queues.add(queue)


def some_policy(draw: Random) -> list[dict]:
    def step(number: int) -> dict:
        team, *others = draw.sample(["Finance", "Board", "Risk"], 3)
        return {
            "team": team,
            "quorum": draw.choice([1, 1, 2]),
            "with_previous": number > 0 and draw.random() < 0.5,
            "also": others[:1] if draw.random() < 0.3 else [],
        }

    steps = [step(number) for number in range(draw.choice([1, 2, 3]))]
    return [{"name": "All", "steps": steps, "distinct_people": draw.random() < 0.5}]


def named_able(page: str) -> set[str]:
    found = re.findall(r"<strong>Can:</strong> ([^<]*)\.</p>", page)
    return {name for line in found for name in line.split(", ")}


@pytest.mark.parametrize("seed", range(16))
def test_the_page_the_rule_and_the_lists_agree_on_everybody(cast, as_, seed):
    draw = Random(seed)  # noqa: S311 - sample organisations
    organise(cast, draw)
    load_policy(slug="refunds", name="Refunds", table=some_policy(draw), at=cast.now)
    item = cast.ask()
    look = as_("operator")
    for _ in range(8):
        item = cast.get(item.ref)
        if item.state != State.PENDING:
            break
        people = access.of_many(User.objects.all(), Queue, at=cast.now).values()
        able = {person.name: person for person in people if may("approve", item, person)}
        pending = ApprovalRequest.objects.filter(pk=item.pk, state=State.PENDING)
        listed = {p.name for p in people if pending.filter(queries.can_decide(p)).exists()}
        assert listed == set(able)
        page = text(look.get(f"/requests/{item.ref}/approvers/"))
        open_now = [part for part in page.split("<section") if ", open</h2>" in part]
        assert named_able("".join(open_now)) == set(able)
        if not able:
            break
        person = able[draw.choice(sorted(able))]
        decide.approve(
            ref=item.ref,
            by=User.objects.get(pk=person.user_id),
            at=cast.now,
            key=cast.key(),
            revision=item.revision,
            step=step_for(item, person).number,
        )

"""Nothing that gives somebody more is left to one administrator in the administration pages."""

import uuid

import pytest
from django.test import Client

from accounts.models import Membership, Team, User
from approvals.models import Queue, QueueGroupGrant

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def client(cast) -> Client:
    found = Client()
    found.force_login(cast.admin)
    return found


def person_form(person: User, **changes: object) -> dict[str, object]:
    said = {
        "name": person.name,
        "is_active": "on",
        "person_key": str(person.person_key),
        "time_zone": "UTC",
        "email": person.email,
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    return said | changes


def test_a_person_can_be_renamed_and_closed_but_given_nothing(cast, client):
    person, finance = cast.stranger, Team.objects.get(name="Finance")
    said = person_form(
        person,
        **{
            "name": "Sam New",
            "is_staff": "on",
            "is_superuser": "on",
            "email": "thief@demo.test",
            "memberships-TOTAL_FORMS": "1",
            "memberships-0-group": finance.pk,
            "memberships-0-user": person.pk,
        },
    )
    answer = client.post(f"/admin/accounts/user/{person.pk}/change/", said)
    assert answer.status_code == 302, answer.context["adminform"].errors
    person.refresh_from_db()
    assert person.name == "Sam New"
    assert (person.is_staff, person.is_superuser) == (False, False)
    assert person.email == "stranger@demo.test"
    assert not Membership.objects.filter(user=person).exists()


def test_no_member_is_added_with_the_team(cast, client):
    finance = Team.objects.get(name="Finance")
    said = {
        "name": "Finance",
        "time_zone": "UTC",
        "opens_at": "09:00",
        "closes_at": "17:00",
        "work_days": "01234",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": cast.stranger.pk,
        "memberships-0-group": finance.pk,
    }
    answer = client.post(f"/admin/accounts/team/{finance.pk}/change/", said)
    assert answer.status_code == 302
    assert not Membership.objects.filter(user=cast.stranger).exists()


def test_no_right_is_added_with_the_queue_and_its_policy_stays(cast, client):
    queue, before = Queue.objects.get(slug="refunds"), QueueGroupGrant.objects.count()
    weaker = Queue.objects.get(slug="account-changes").policy_id
    policy = queue.policy_id
    one = QueueGroupGrant.objects.filter(content_object=queue).first()
    support = Team.objects.get(name="Support")
    said = {
        "slug": queue.slug,
        "name": "Refunds!",
        "kinds": '["refund", "manual"]',
        "policy": weaker,
        "queuegroupgrant_set-TOTAL_FORMS": "1",
        "queuegroupgrant_set-INITIAL_FORMS": "0",
        "queuegroupgrant_set-0-group": support.group_ptr_id,
        "queuegroupgrant_set-0-permission": one.permission_id,
        "queueusergrant_set-TOTAL_FORMS": "0",
        "queueusergrant_set-INITIAL_FORMS": "0",
    }
    answer = client.post(f"/admin/approvals/queue/{queue.pk}/change/", said)
    assert answer.status_code == 302
    queue.refresh_from_db()
    assert queue.name == "Refunds!"
    assert (queue.policy_id, queue.kinds) == (policy, ["refund"])
    assert QueueGroupGrant.objects.count() == before


def test_one_person_is_not_split_into_two(cast, client):
    """Together they count once; apart they could approve what the other asked."""
    first, second = cast.approver, cast.second_approver
    url = f"/admin/accounts/user/{first.pk}/change/"
    client.post(url, person_form(first, person_key=str(uuid.uuid4())))
    first.refresh_from_db()
    old = first.person_key
    assert old != second.person_key
    assert (
        client.post(url, person_form(first, person_key=str(second.person_key))).status_code == 302
    )
    first.refresh_from_db()
    assert first.person_key == second.person_key
    page = client.post(url, person_form(first, person_key=str(old))).content.decode()
    assert "it keeps it" in page
    first.refresh_from_db()
    assert first.person_key == second.person_key


@pytest.mark.parametrize(
    "path",
    [
        *("account/emailaddress", "mfa/authenticator", "usersessions/usersession"),
        *("socialaccount/socialaccount", "socialaccount/socialapp", "socialaccount/socialtoken"),
    ],
)
def test_how_others_sign_in_is_not_edited_by_one(client, path):
    assert client.get(f"/admin/{path}/").status_code == 404


def test_a_program_stays_a_program(cast, client):
    robot = User.objects.get(email="webshop@demo.test")
    page = client.post(f"/admin/accounts/user/{robot.pk}/change/", person_form(robot))
    assert "A program stays one" in page.content.decode()
    robot.refresh_from_db()
    assert robot.is_service

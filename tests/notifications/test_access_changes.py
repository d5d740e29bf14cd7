"""A change of access tells who can accept it, and what became of it whoever asked for it."""

import pytest

from accounts.models import Team, User
from approvals.models import Queue
from audit.models import Event
from notifications.models import Notice, Topic
from rights.commands import proposals
from rights.models import Proposal
from tests.notifications.common import hear, prefer, told
from tests.rights.test_proposals import accept, propose, right, seat

pytestmark = pytest.mark.django_db

ASKED = "A. Lindqvist asked for a change of access, which another administrator has to accept."


@pytest.fixture
def other(cast) -> User:
    return User.objects.get(email="admin2@demo.test")


@pytest.fixture
def asked(cast):
    """Two rights and a seat, in one change."""
    support, finance = Team.objects.get(name="Support"), Team.objects.get(name="Finance")
    queue = Queue.objects.get(slug="refunds")
    return propose(
        cast,
        right(support, "view_queue", queue, give=True),
        right(support, "decide_request", queue, give=True),
        seat(cast.requester, finance),
    )


def test_other_administrators_are_told_and_nobody_else(cast, other, asked):
    hear(cast)
    assert told(other) == [ASKED]
    assert Notice.objects.get(user=other).url == f"/access/changes/{asked.ref}/"
    assert set(Notice.objects.values_list("user", flat=True)) == {other.pk}


def test_who_asked_is_not_told_by_another_account_of_theirs(cast, other, asked):
    User.objects.filter(pk=other.pk).update(person_key=cast.admin.person_key)
    hear(cast)
    assert told(other) == []


def test_who_has_left_or_is_a_program_is_not_told(cast, other, asked):
    User.objects.filter(pk=other.pk).update(is_active=False)
    hear(cast)
    assert told(other) == []


def test_who_asked_is_told_once_that_it_was_accepted(cast, other, asked):
    accept(cast, asked, other)
    assert Event.objects.filter(facts__proposal=int(asked.ref)).count() > 2
    hear(cast)
    assert told(cast.admin) == ["B. Costa accepted the change of access that you asked for."]


def test_who_asked_is_told_that_it_was_refused(cast, other, asked):
    proposals.refuse(pk=int(asked.ref), by=other, at=cast.now, key=cast.key())
    hear(cast)
    assert told(cast.admin) == ["B. Costa refused the change of access that you asked for."]


def test_nobody_is_told_that_they_withdrew_it_themselves(cast, other, asked):
    proposals.withdraw(pk=int(asked.ref), by=cast.admin, at=cast.now, key=cast.key())
    hear(cast)
    assert told(cast.admin) == []
    assert told(other) == [ASKED]


def test_what_counts_at_once_tells_nobody(cast, other):
    finance = Team.objects.get(name="Finance")
    propose(cast, right(finance, "decide_request", Queue.objects.get(slug="refunds"), give=False))
    hear(cast)
    assert not Proposal.objects.exists()
    assert not Notice.objects.filter(user__in=[cast.admin, other]).exists()


def test_an_attempt_that_was_refused_tells_nobody(cast, other, asked):
    with pytest.raises(Exception, match="withdraw it"):
        proposals.refuse(pk=int(asked.ref), by=cast.admin, at=cast.now, key=cast.key())
    hear(cast)
    assert told(cast.admin) == []


def test_it_can_be_turned_off(cast, other, asked):
    prefer(other, cast, decisions=False)
    hear(cast)
    assert told(other, Topic.DECISIONS) == []

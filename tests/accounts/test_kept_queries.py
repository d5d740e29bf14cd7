"""Queries whose text is kept answer what their querysets do, whatever they were built with first."""

import threading

import pytest
from django.db import connection, transaction
from django.db.models import F, Q, Value
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from accounts import access
from accounts.kept_queries import Kept, is_among
from accounts.models import Membership, User
from approvals.models import Queue


def test_it_answers_as_its_queryset_does_for_every_value(cast):
    kept = Kept(lambda user: Membership.objects.filter(user=user).order_by("group"), "user")
    for person in cast.people.values():
        assert kept(user=person.pk) == list(
            Membership.objects.filter(user=person.pk).order_by("group")
        )


def test_what_is_joined_comes_along(cast, django_assert_num_queries):
    kept = Kept(
        lambda user: Membership.objects.select_related("user", "group").filter(user=user), "user"
    )
    person = cast.approver
    kept(user=cast.requester.pk)
    with django_assert_num_queries(1):
        names = {(found.user.name, found.group.name) for found in kept(user=person.pk)}
    assert names == {
        (person.name, name) for name in person.memberships.values_list("group__name", flat=True)
    }
    assert names


def test_rows_of_values_and_annotations_are_the_same(cast):
    def build(email):
        return User.objects.filter(email=email).annotate(called=F("name"))

    kept, rows = (
        Kept(build, "email"),
        Kept(lambda email: build(email).values_list("called", "pk"), "email"),
    )
    for email, person in cast.people.items():
        assert [found.called for found in kept(email=email)] == [person.name]
        assert rows(email=email) == [(person.name, person.pk)]


def test_a_value_is_no_sql(cast):
    kept = Kept(lambda email: User.objects.filter(email=email), "email")
    assert kept(email="' OR true --") == []
    assert kept(email="%s") == []


def test_the_text_is_built_once(cast):
    built = []
    kept = Kept(lambda pk: built.append(pk) or User.objects.filter(pk=pk), "pk")
    with CaptureQueriesContext(connection) as seen:
        found = [kept(pk=person.pk)[0] for person in cast.people.values()]
    assert found == list(cast.people.values())
    assert (len(built), len(seen)) == (1, len(cast.people))


def test_one_person_is_read_as_among_many(cast):
    people = list(cast.people.values())
    together = access.of_many(people, Queue, at=cast.now)
    for person in people:
        assert access.of(person, Queue, at=cast.now) == together[person.pk]
        assert access.of_loaded(person, Queue, at=cast.now) == together[person.pk]
        assert access.of(person, Queue).covers == ()


def test_the_database_prepares_it_once_it_was_asked_five_times(cast):
    kept = Kept(lambda pk: User.objects.filter(pk=pk), "pk")
    for _ in range(6):
        assert kept(pk=cast.approver.pk) == [cast.approver]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%accounts_user%'"
        )
        assert cursor.fetchone()[0] >= 1


def test_a_thread_that_makes_it_anew_leaves_the_others_alone(cast):
    """Two threads begin to make it, one is done first, and asks while the other is in the middle."""
    began, done, in_the_middle, asked = (threading.Event() for _ in range(4))

    class Slow(Value):
        def as_sql(self, compiler, connection):
            if threading.current_thread() is other:
                in_the_middle.set()
                asked.wait(60)
            return super().as_sql(compiler, connection)

    def build(pk):
        if threading.current_thread() is other:
            began.set()
            done.wait(60)
        return User.objects.annotate(one=Slow(1)).filter(pk=pk)

    kept = Kept(build, "pk")
    other = threading.Thread(target=kept._make)
    other.start()
    began.wait(60)
    assert kept(pk=cast.approver.pk) == [cast.approver]
    done.set()
    in_the_middle.wait(60)
    assert kept(pk=cast.approver.pk) == [cast.approver]
    asked.set()
    other.join()


def test_its_values_may_be_what_another_query_finds(cast, django_assert_num_queries):
    kept = Kept(lambda ids: User.objects.filter(Q(is_among(F("pk"), ids))), "ids")
    people = User.objects.filter(email__contains="%").values("pk") | User.objects.filter(
        pk__in=[cast.approver.pk, cast.requester.pk]
    ).values("pk")
    with django_assert_num_queries(1):
        assert set(kept.of(people)) == {cast.approver, cast.requester}
    with django_assert_num_queries(1):
        assert len(kept.of(people.order_by("pk")[:1])) == 1


def test_of_a_query_that_can_find_nothing_nothing_is_asked(cast, django_assert_num_queries):
    kept = Kept(lambda ids: User.objects.filter(Q(is_among(F("pk"), ids))), "ids")
    kept(ids=[])
    with django_assert_num_queries(0):
        assert kept.of(User.objects.none().values("pk")) == []


@pytest.mark.usefixtures("committed_db")
def test_it_locks_nothing_outside_of_a_transaction():
    """Django says so while it makes the text, which is made once."""
    kept = Kept(lambda pk: User.objects.select_for_update().filter(pk=pk), "pk")
    with transaction.atomic():
        assert kept(pk=0) == []
    with pytest.raises(TransactionManagementError):
        kept(pk=0)

"""Allowances: several in one statement, each by itself."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import limits
from accounts.limits import Limit
from accounts.models import Bucket

NARROW = Limit("narrow", 2, timedelta(hours=1))
WIDE = Limit("wide", 10, timedelta(hours=1))
BOTH = [(NARROW, "one"), (WIDE, "all")]


@pytest.mark.django_db
class TestEach:
    def test_they_are_told_in_the_order_asked_for(self):
        taken = limits.take_each(BOTH, at=timezone.now())
        assert [(one.limit.name, one.left) for one in taken] == [("narrow", 1), ("wide", 9)]

    def test_one_that_is_refused_does_not_keep_the_others(self):
        at = timezone.now()
        found = [limits.take_each(BOTH, at=at) for _ in range(4)]
        assert [narrow.is_refused for narrow, _ in found] == [False, False, True, True]
        assert [wide.left for _, wide in found] == [9, 8, 7, 6]
        assert found[-1][0].retry_after_s == 30 * 60

    def test_a_refused_one_is_left_as_it_was(self):
        at = timezone.now()
        for _ in range(5):
            limits.take_each(BOTH, at=at)
        assert limits.take(NARROW, "one", at=at + timedelta(minutes=30)).left == 0

    def test_callers_have_allowances_of_their_own(self):
        at = timezone.now()
        limits.take_each(BOTH, at=at)
        assert limits.take_each([(NARROW, "two"), (WIDE, "all")], at=at)[0].left == 1

    def test_it_is_one_statement(self):
        with CaptureQueriesContext(connection) as seen:
            limits.take_each(BOTH, at=timezone.now())
        assert len(seen) == 1


def waits_for_the_disk() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return cursor.fetchone() == ("on",)


@pytest.fixture
def durable(committed_db):
    """As in production; the tests' own server does not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = 'on'")


def test_a_transaction_around_it_still_waits_for_the_disk(durable):
    with transaction.atomic():
        limits.take(WIDE, "all", at=timezone.now())
        assert waits_for_the_disk()


def test_what_comes_after_it_waits_for_the_disk(durable):
    limits.take(WIDE, "all", at=timezone.now())
    assert waits_for_the_disk()


def test_what_somebody_is_taking_is_not_waited_for(committed_db):
    at = timezone.now()
    limits.take_each(BOTH, at=at - timedelta(days=1))
    taking = connection.copy()
    try:
        taking.set_autocommit(False)
        with taking.cursor() as cursor:
            cursor.execute("SELECT FROM accounts_bucket WHERE name = 'wide/all' FOR UPDATE")
        assert limits.forget_full(at=at) == 1
        assert Bucket.objects.get().pk == "wide/all"
    finally:
        taking.close()

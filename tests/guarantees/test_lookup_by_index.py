"""The lookup stays as fast at a million requests: every question to the database is an index's."""

import re

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from approvals import finding
from approvals.models import ApprovalRequest
from tests import postgres

QUESTIONS = {
    "exactly": lambda: ApprovalRequest.objects.filter(finding.exactly("ZD 9921")),
    "matching": lambda: ApprovalRequest.objects.filter(finding.matching("rf 20 silva")),
    "named": lambda: finding.named("A. Silva"),
    "resembling": lambda: finding.resembling("rf 20 silva"),
    "customer": lambda: ApprovalRequest.objects.filter(finding.of_customer("A. Silva")),
    "effects": lambda: finding.known_to_provider_as("re_1")[0],
    "attempts": lambda: finding.known_to_provider_as("re_1")[1],
    "keys": lambda: finding.known_to_provider_as("aq-1")[2],
}
CUSTOMER = "request_newest_of_customer"
BY_NAME = {
    CUSTOMER,
    *(f"request_called_{name}" for name in ("ref", "ticket", "order", "account", "payment")),
}
EXPECTED = {
    "exactly": BY_NAME,
    "matching": BY_NAME,
    "named": {*BY_NAME, "effect_called", "attempt_called", "approvals_effect_key_key"},
    "resembling": BY_NAME,
    "customer": {CUSTOMER},
    "effects": {"effect_called"},
    "attempts": {"attempt_called"},
    "keys": {"approvals_effect_key_key"},
}


def indexes_of(plan: str) -> set[str]:
    """Those that a plan goes by; those of a part by the name of the whole table's, and the second one
    that a unique text has, for its beginnings, by the name of the first."""
    names = re.findall(r"Scan (?:using|on) (\w+)", plan)
    names = [re.sub(r"_[0-9a-f]{8}_like$", "_key", name) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(whole.relname, part.relname) FROM pg_class part"
            " LEFT JOIN pg_inherits ON inhrelid = part.oid"
            " LEFT JOIN pg_class whole ON whole.oid = inhparent"
            " WHERE part.relkind = 'i' AND part.relname = ANY(%s)",
            [names],
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def without_scans(committed_db):
    """The planner takes an index wherever one can answer; with few rows it would not bother."""
    call_command("seed", "--requests=400")
    with postgres.admin(committed_db) as admin:
        admin.execute("ANALYZE")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexonlyscan = off")
        yield


def test_every_way_of_finding_goes_by_its_index(without_scans):
    for name, question in QUESTIONS.items():
        plan = question().explain()
        assert "Seq Scan" not in plan, plan
        assert indexes_of(plan) >= EXPECTED[name], plan
        assert ("request_customer_words" in plan) == (name in ("matching", "resembling"))

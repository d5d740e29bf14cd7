"""How fast other rules are tried over past requests: `make bench-simulation`.

A ratio against a floor in the same run: reading the same columns of the same requests and doing nothing
with them. The median of several rounds; memory is the peak of the process.
"""

import argparse
import resource
import statistics
import time
from datetime import UTC, datetime

from bench.database import own_database

TABLE = [
    {
        "name": "Often",
        "when": {
            "kind": "refund",
            "currency": "EUR",
            "recent": {"of": "customer", "within": "7 d", "count_from": 5},
        },
        "steps": [{"team": "Finance", "quorum": 2}],
    },
    {
        "name": "Large",
        "when": {"kind": "refund", "currency": "EUR", "amount_from": 50_001},
        "steps": [{"team": "Finance"}],
    },
    {"name": "Rest", "steps": []},
]
FILL = """
INSERT INTO approvals_approvalrequest ({columns})
SELECT {values} FROM approvals_approvalrequest r, generate_series(1, %(count)s) n
WHERE r.id = %(like)s
"""
PERIOD = {"since": datetime(2024, 1, 1, tzinfo=UTC), "until": datetime(2026, 1, 1, tzinfo=UTC)}
OVERRIDES = {
    "id": "1000000 + n",
    "ref": "'RF-' || (1000000 + n)",
    "stream": "'request/RF-' || (1000000 + n)",
    "subject": "'pi_' || n",
    "customer": "'Customer ' || n %% 40000",
    "amount": "100 + (n::bigint * 7919) %% 150000",
    "created_at": "timestamptz '2024-01-01' + n * (interval '700 days' / %(count)s)",
    "state": "'done'",
    "is_another": "true",
    "effect_key": "''",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with own_database():
        policy = fill(options.requests)
        _measure(policy, options.rounds)


def fill(count: int) -> object:
    """The policy of `count` requests, which are copies of one of the sample requests."""
    from django.core.management import call_command
    from django.db import connections

    from approvals.models import ApprovalRequest, Policy

    call_command("seed", "--requests=200", "--i-know-this-adds-sample-data", verbosity=0)
    like = ApprovalRequest.objects.filter(kind="refund", state="done").first()
    columns = [field.column for field in ApprovalRequest._by_column().values()]
    names = ["id", *columns]
    values = [OVERRIDES.get(name, f"r.{name}") for name in names]
    statement = FILL.format(columns=", ".join(names), values=", ".join(values))
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_approvalrequest DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE approvals_approvalrequest DROP CONSTRAINT IF EXISTS {}".format(
                "approvals_request_has_its_event"
            )
        )
        cursor.execute(statement, {"count": count, "like": like.pk})
        cursor.execute("ANALYZE approvals_approvalrequest")
    return Policy.objects.get(slug="refunds")


def _measure(policy: object, rounds: int) -> None:
    from approvals.policy_table import parse
    from approvals.simulation import _stream, simulate

    rules = parse(TABLE)
    ratios, rates = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        read = sum(1 for _ in _stream(policy, PERIOD["since"], PERIOD["until"]))
        floor = read / (time.perf_counter() - began)
        began = time.perf_counter()
        found = simulate(policy, rules, **PERIOD)
        ours = found.requests / (time.perf_counter() - began)
        ratios.append(ours / floor)
        rates.append(ours)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"simulation: {found.requests:,} requests, {statistics.median(rates):,.0f}/s,"
        f" {found.requests / statistics.median(rates):.0f} s; floor × {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds); peak {peak:,.0f} MiB;"
        f" {dict(found.counts)}"
    )


if __name__ == "__main__":
    main()

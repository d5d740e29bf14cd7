"""What a long run found: the first ten minutes against the last ten, and what was still growing at the end.

Samples and measurements in, figures and verdicts out.
"""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.long_run.probes import FLOORS, Probed
from tests.crash.harness.run import Report

END_S = 600.0
MB = 1024 * 1024
OURS = ("web", "worker", "PostgreSQL")
# What may be at most, to count as not growing.
MOST_MEMORY_A_DAY = 0.5  # of the process, as its eldest grew in the second half
MOST_CONNECTIONS = 0  # more in the last ten minutes than in the first
MOST_SLOWER = 1.25  # of the ratio to the floor
# Tables whose rows come and go; what is kept for ever grows, and is none of these.
CHURNED = (
    "procrastinate_jobs",
    "procrastinate_events",
    "procrastinate_workers",
    "procrastinate_periodic_defers",
    "django_session",
    "usersessions_usersession",
    "accounts_bucket",
    "audit_stream",
    "approvals_effect",
    "approvals_approvalrequest",
    "approvals_idempotencyrecord",
    "approvals_system",
    "notifications_follower",
    "notifications_notice",
    "webhooks_delivery",
    "webhooks_endpoint",
)
MOST_BLOAT = 2.0  # the bytes of a row on the disk, of those at the start
SMALL = 512 * 1024  # bytes; below that a table's size says nothing

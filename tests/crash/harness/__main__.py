"""`python -m tests.crash.harness`: prints one JSON line; exit 1 when anything is wrong."""

import argparse
import random
import sys
import time

from tests.crash.harness.run import Plan, carry_out

BEGAN = time.monotonic()
LONG = {"commands": 10_000, "kills": 200}
SHORT = {"commands": 1_000, "kills": 20}


def say(sentence: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f}] {sentence}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.harness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None, help="drawn when it is not given")
    parser.add_argument("--long", action="store_true", help="10,000 commands and 200 kills")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    goal = LONG if options.long else SHORT
    plan = Plan(seed, options.seconds, at_most_s=options.seconds * 4 + 60, **goal)
    report = carry_out(plan, say)
    print(report.line(), flush=True)
    has_enough = report.commands >= plan.commands and report.kills >= plan.kills
    return 0 if report.is_clean and has_enough else 1


if __name__ == "__main__":
    sys.exit(main())

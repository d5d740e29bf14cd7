"""`python -m tests.crash.harness`: prints one JSON line; exit 1 when anything is wrong."""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

from config.embedded import dying_with_parent
from tests.crash.harness import scenes
from tests.crash.harness.run import Plan, carry_out
from tests.crash.harness.world import WITH_SEAMS

BEGAN = time.monotonic()
LONG = {"commands": 10_000, "kills": 200}
LEAST_BOUND_S = 600
SHORT = {"commands": 1_000, "kills": 20}


def say(sentence: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f}] {sentence}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.harness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None, help="drawn when it is not given")
    parser.add_argument("--long", action="store_true", help="10,000 commands and 200 kills")
    parser.add_argument("--pooled", action="store_true", help="the web behind PgBouncer")
    parser.add_argument("--commands", type=int, help="so many at least, and a kill for each fifty")
    parser.add_argument("--control", choices=scenes.names(), help="one deliberate mistake")
    parser.add_argument("--controls", action="store_true", help="all ten, one after the other")
    parser.add_argument("--intact", action="store_true", help="their scenes without the mistakes")
    options = parser.parse_args()
    # Asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.controls:
        return _all_controls(is_intact=options.intact)
    if options.control:
        return _control(options.control, is_intact=options.intact)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    goal = LONG if options.long else SHORT
    if options.commands:
        goal = {"commands": options.commands, "kills": options.commands // 50}
    setup = replace(WITH_SEAMS, is_pooled=options.pooled)
    bound = max(options.seconds * 10, LEAST_BOUND_S)
    plan = Plan(seed, options.seconds, at_most_s=bound, setup=setup, **goal)
    report = carry_out(plan, say)
    print(report.line(), flush=True)
    has_enough = report.commands >= plan.commands and report.kills >= plan.kills
    return 0 if report.is_clean and has_enough and report.has_worked else 1


def _control(name: str, *, is_intact: bool) -> int:
    """0 when the mistake was caught; of an intact scene, when there was nothing to catch."""
    report = carry_out(scenes.plan_of(name, is_intact=is_intact), say)
    caught = not report.is_clean
    line = {
        "control": name,
        "intact": is_intact,
        "caught": caught,
        "commands": report.commands,
        "kills": report.kills,
        "lost": report.lost,
        "doubled": report.doubled,
        "unexplained": report.unexplained,
        "doctor": report.doctor,
        "verify": report.verify,
        "seconds": round(time.monotonic() - BEGAN),
        "findings": report.findings[:4],
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return 0 if caught != is_intact else 1


def _all_controls(*, is_intact: bool) -> int:
    """Each in a process and a world of its own."""
    failed = []
    for name in scenes.names():
        command = [
            *dying_with_parent(signal.SIGTERM),
            *(sys.executable, "-m", "tests.crash.harness", "--control", name),
        ]
        done = subprocess.run([*command, *(["--intact"] if is_intact else [])], check=False)
        if done.returncode:
            failed.append(name)
    said = "not clean" if is_intact else "not caught"
    say(f"{len(scenes.names()) - len(failed)} of {len(scenes.names())}; {said}: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

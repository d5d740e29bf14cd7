"""`python -m tests.hosts.run --seconds 120 --seed 1`: prints one JSON line; exit 1 when anything is wrong."""

import argparse
import json
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from config import embedded
from tests.crash.harness import checker, world
from tests.crash.harness.clients import Load
from tests.crash.harness.history import History
from tests.crash.harness.run import Plan, Report, run_on
from tests.hosts import topology
from tests.hosts.parts import LanParts
from tests.hosts.trouble import ADMINS, Trouble

BEGAN = time.monotonic()
LAG_S = 12.0
SHORT_S = 40  # a run below it has one promotion and no more
LOAD = Load(pause_s=0.15)


def say(sentence: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f}] {sentence}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None, help="drawn when it is not given")
    parser.add_argument("--asynchronous", action="store_true", help="commits wait for no standby")
    parser.add_argument(
        "--lag", type=float, default=LAG_S, help="s that the standby is behind then"
    )
    options = parser.parse_args()
    # Asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    try:
        line, is_clean = carry_out(
            seed, options.seconds, say, synchronous=not options.asynchronous, lag_s=options.lag
        )
    except topology.NotPermitted as why:
        print(why, file=sys.stderr)
        return 2
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return 0 if is_clean else 1


def carry_out(
    seed: int,
    seconds: float,
    say: Callable[[str], None],
    *,
    synchronous: bool,
    lag_s: float = LAG_S,
) -> tuple[dict[str, Any], bool]:
    """One run in this process: its line, and whether nothing was wrong."""
    with topology.lan() as lan, world.new() as place:
        parts = LanParts.on(lan, place, synchronous=synchronous)
        try:
            password = _set_up(parts, place)
            parts.start(seed=seed)
            say("Everything runs.")
            history = History()
            trouble = Trouble(parts, history, say, seed, lag_s, password, seconds < SHORT_S)
            plan = Plan(
                seed,
                seconds,
                load=LOAD,
                explains=trouble.explained,
                # Reconciling after a loss ends every session.
                signed_out=() if synchronous else (401,),
            )
            report = run_on(plan, place, parts, trouble, say, history)
            return _line(report, trouble), _is_clean(report, trouble)
        finally:
            parts.stop()
            parts.stop_database()


def _set_up(parts: LanParts, place: world.World) -> str:
    """Tables, people and the standby. The password of the two administrators."""
    parts.start_database()
    place.use_in_this_process()
    world.settle(place)
    password = secrets.token_urlsafe(16)
    _let_administrators_sign_in(password)
    with place.connect() as connection:
        connection.execute("CREATE TABLE audit_probe (said text)")
        connection.execute(f"GRANT INSERT ON audit_probe TO {embedded.APPLICATION}")
    parts.pair.start_standby()
    return password


def _let_administrators_sign_in(password: str) -> None:
    from django.db import connections

    from accounts.models import User

    for email in ADMINS:
        person = User.objects.get(email=email)
        person.set_password(password)
        person.save()
    connections.close_all()


def _line(report: Report, trouble: Trouble) -> dict[str, Any]:
    parts, found = trouble.parts, asdict(report)
    for unused in ("control", "kills_by_point", "hot"):
        del found[unused]
    return {
        "synchronous": parts.pair.synchronous,
        **found,
        "link_cuts": trouble.faults["cable cut"],
        "frozen": trouble.faults["frozen host"],
        "killed_hosts": dict(trouble.kills),
        "restarts": dict(parts.restarts),
        **parts.at_the_end,
        "promotions": [asdict(one) for one in trouble.promotions],
        "explained_by_loss": checker.counted(trouble.explained.findings),
        "paid_again_after_loss": trouble.explained.asked_anew(),
    }


def _is_clean(report: Report, trouble: Trouble) -> bool:
    old_one_answered = any(one.answered_on_old for one in trouble.promotions)
    everybody_is_back = trouble.parts.at_the_end.get("web_ready") == len(trouble.parts.webs)
    has_met_something = bool(trouble.promotions) and report.has_worked
    is_right = report.is_clean and not old_one_answered and not trouble.explained.asked_anew()
    return is_right and has_met_something and everybody_is_back


if __name__ == "__main__":
    sys.exit(main())

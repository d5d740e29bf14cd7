"""`python -m bench.long_run`: a table on stderr, one JSON line on stdout; exit 1 when something grew."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.long_run import report, watch
from tests.crash.harness.clients import Load
from tests.crash.harness.killer import Menu
from tests.crash.harness.run import Plan, carry_out
from tests.crash.harness.world import Setup

BEGAN = time.monotonic()
# The product's own waits, ten times as fast: what an outage leaves behind is over within minutes.
SETUP = Setup(
    settings="bench.long_run.settings",
    speed=10,
    masters=1,
    serving=("--config=config/gunicorn.py",),
    is_on_disk=True,
)
SCRIPTED = Menu(is_scripted=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.long_run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--warm-up", type=float, default=120, help="seconds that are not measured")
    parser.add_argument("--commands", type=float, default=2.0, help="that come in a second")
    parser.add_argument("--reads", type=float, default=3.0, help="that come in a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, default=Path("long-run.jsonl"))
    parser.add_argument("--report", action="store_true", help="only of the samples in the file")
    options = parser.parse_args()
    if options.report:
        return _told(options.samples)
    # Asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    receiver = watch.receiver()
    with tempfile.TemporaryDirectory(prefix="aq-metrics-") as metrics:
        os.environ |= {
            "WEBHOOK_TEST_ADDRESSES": watch.place_of(receiver),
            "PROMETHEUS_MULTIPROC_DIR": metrics,
        }
        with open(options.samples, "w") as file:
            beside = watch.Watch(options.warm_up, options.seconds, options.reads, receiver, file)
            found = carry_out(_plan(options, beside), _say)
            beside.write("end", {**asdict(found), "reads": beside.readers.seen})
    return _told(options.samples)


def _told(path: Path) -> int:
    result = report.of(path)
    print(report.table(result), file=sys.stderr)
    print(json.dumps(result), flush=True)
    return 0 if result["is_good"] else 1


def _plan(options: argparse.Namespace, beside: watch.Watch) -> Plan:
    return Plan(
        options.seed,
        options.warm_up + options.seconds,
        drain_s=900,
        load=Load(hot=0.03, per_second=options.commands),
        menu=SCRIPTED,
        setup=SETUP,
        job_workers=2,
        each_tick=beside,
    )


def _say(sentence: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f}] {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

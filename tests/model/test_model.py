"""Spin searches every run of docs/model/one_effect.pml: what holds, and what breaks without a rule.

`make model` prints the sizes. What each variant means stands in docs/model/README.md.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

MISSING = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
# `make test` also runs on machines without the checker, and says so; `.ci/run` installs it.
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"The model of the protocol was NOT checked: no {' and no '.join(MISSING)} here.",
)

MODEL = Path(settings.BASE_DIR) / "docs" / "model" / "one_effect.pml"
LONGEST_S = 300  # an idle core needs a tenth of it for the largest search
MOST_MB = 2000

IGNORES = "PROVIDER_IGNORES_KEYS"
ONLY = "ONLY_AT_MOST_ONCE"
FINE = ("LEASE=6", "START_WITHIN=3", "QUIET=3")  # steps of 10 s
PROGRESS = ("FORGETTING",)
MANY_HANDS = ("FAULTS=0", "INTERVENTIONS=3")

TWICE = re.escape("((effects-has_failed)<=1)")
STALE = re.escape("is_current[w]")
HELD = re.escape("!(held)")
UNTRUE = r"\(\(effects-has_failed\)==0\)|\(state!=\d+\)|\(since_sent!=255\)"

HOLDS = {
    "every promise, with a provider that keeps keys": (),
    "every promise, with a provider that ignores keys": (IGNORES,),
    "every promise, with finer steps of time": (IGNORES, *FINE),
    "every promise, with keys and without asking first": ("NO_ASK_FIRST",),
    "at most once by the key alone, without look-ups": (ONLY, "NO_LOOK_UP"),
    "at most once by the key alone, when a worker is stopped at the last moment": (
        ONLY,
        "STOPPED_AFTER_LAST_LOOK",
    ),
    "nothing is forgotten, with a provider that keeps keys": PROGRESS,
    "nothing is forgotten, with a provider that ignores keys": (*PROGRESS, IGNORES),
    "nothing is forgotten while people intervene": (*PROGRESS, *MANY_HANDS),
}

BREAKS = {
    "no look-up: twice": ((IGNORES, ONLY, "NO_LOOK_UP"), TWICE),
    "no asking first, after a refund that failed: twice": ((IGNORES, ONLY, "NO_ASK_FIRST"), TWICE),
    "no epoch: a stale worker writes": (("NO_EPOCH",), STALE),
    "no epoch: twice": ((IGNORES, ONLY, "NO_EPOCH"), TWICE),
    "no quiet time: twice": ((IGNORES, ONLY, "NO_QUIET_TIME"), TWICE),
    "quiet time from the claim on: twice": ((IGNORES, ONLY, "QUIET_COUNTS_FROM_CLAIM"), TWICE),
    "an old answer counted as of now: untrue": (("ABSENCE_AS_OF_SETTLING",), UNTRUE),
    "no limit for the start: twice": ((IGNORES, ONLY, "NO_START_LIMIT"), TWICE),
    "the limit before asking first: twice": ((IGNORES, ONLY, "START_LIMIT_BEFORE_ASKING"), TWICE),
    "stopped after the last look, no keys: twice": (
        (IGNORES, ONLY, "STOPPED_AFTER_LAST_LOOK"),
        TWICE,
    ),
    "stopped after the last look, with keys: untrue": (("STOPPED_AFTER_LAST_LOOK",), UNTRUE),
    "people look too early: untrue": (("PEOPLE_LOOK_TOO_EARLY",), UNTRUE),
    "people look too early: twice": ((IGNORES, ONLY, "PEOPLE_LOOK_TOO_EARLY"), TWICE),
    "a finding outlives a call: untrue": (("FINDINGS_OUTLIVE_A_CALL",), UNTRUE),
    "a finding outlives a call: twice": ((IGNORES, ONLY, "FINDINGS_OUTLIVE_A_CALL"), TWICE),
    "hold is not asked: sent while held": (("HOLD_IS_NOT_ASKED",), HELD),
    "no sweeper: forgotten": ((*PROGRESS, "NO_SWEEPER"), "acceptance cycle"),
    "try again after done: forgotten": (
        (*PROGRESS, *MANY_HANDS, "TRY_AGAIN_AFTER_DONE"),
        "acceptance cycle",
    ),
}

REACHED = [
    "DONE",
    "SECOND_ATTEMPT",
    "DONE_AFTER_DOUBT_AND_ABSENCE",
    "FOUND_BY_LOOK_UP",
    "STOPPED_TOO_LONG",
    "TOO_LATE",
    "LOST_TRACK_OF_DEAD_WORKER",
    "TWO_WORKERS_AT_ONCE",
    "LATE_ARRIVAL",
    "WITHDRAWN_AFTER_AN_ATTEMPT",
    "TRIED_AGAIN",
    "SETTLED_AS_DONE",
    "SETTLED_AS_NOT_DONE",
    "LATE_FAILURE",
    "HELD_BEFORE_A_RETRY",
]
NEVER_REACHED = {
    "asking first finds nothing that a look-up had missed": "FOUND_BY_ASKING_FIRST",
    "never more requests on their way than the model has room for": "CROWD",
}


@dataclass(frozen=True)
class Search:
    """What the verifier said about one variant."""

    words: str

    @property
    def is_complete(self) -> bool:
        return "errors: 0" in self.words and not re.search(
            "not completed|too small|out of memory", self.words
        )

    @property
    def sizes(self) -> str:
        states, transitions, depth = (
            re.search(pattern, self.words).group(1)
            for pattern in (
                r"([\d.e+]+) states, stored",
                r"([\d.e+]+) transitions",
                r"reached (\d+)",
            )
        )
        return f"{states:>9} states {transitions:>12} transitions, depth {depth:>6}"


@pytest.fixture
def search(tmp_path, request):
    """Search all runs of the model under these flags, in a directory of its own."""

    def run(*flags: str, is_thorough: bool) -> Search:
        is_progress = "FORGETTING" in flags
        shutil.copy(MODEL, tmp_path)
        _checked("spin", "-a", *(f"-D{flag}" for flag in flags), MODEL.name, cwd=tmp_path)
        meant = ["-DNFAIR=3"] if is_progress else ["-DSAFETY", "-DNOCLAIM"]
        level = "-O1" if is_thorough else "-O0"
        _checked(
            "gcc", level, "-w", f"-DMEMLIM={MOST_MB}", *meant, "-o", "pan", "pan.c", cwd=tmp_path
        )
        how = ["-a", "-f"] if is_progress else []
        said = _checked("./pan", *how, "-m1000000", "-w22", cwd=tmp_path)
        found = Search(said)
        print(f"\n{request.node.name}: {found.sizes}")
        return found

    return run


def _checked(*command: str, cwd: Path) -> str:
    ran = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("flags", HOLDS.values(), ids=HOLDS)
def test_it_holds_in_every_run(search, flags):
    found = search(*flags, is_thorough=True)
    assert found.is_complete, found.words


@pytest.mark.parametrize(("flags", "broken"), BREAKS.values(), ids=BREAKS)
def test_without_the_rule_there_is_a_counter_example(search, flags, broken):
    found = search(*flags, is_thorough=False)
    assert re.search(f"pan:1: .*({broken})", found.words), found.words


@pytest.mark.parametrize("landmark", REACHED)
def test_what_the_model_is_about_happens_in_it(search, landmark):
    found = search(f"REACH={landmark}", is_thorough=False)
    assert "assertion violated" in found.words, found.words


@pytest.mark.parametrize("landmark", NEVER_REACHED.values(), ids=NEVER_REACHED)
def test_it_never_happens(search, landmark):
    found = search(IGNORES, f"REACH={landmark}", is_thorough=True)
    assert found.is_complete, found.words

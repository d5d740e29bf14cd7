"""T5.5: what the published document says is what the server does, for every call, whatever is sent."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.worker
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "25")
CONFIG = """
[generation]
with-security-parameters = false  # the token is given; a made-up session beside it is refused

[checks.positive_data_acceptance]
# What is well formed can still be refused: a payment unknown to the provider (400), a state that
# has passed (409), a version (412) or a key (422) that no longer holds.
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 428]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 428]
"""


def test_no_call_breaks_or_answers_otherwise_than_published(
    serve, everything, cast, tmp_path: Path
) -> None:
    server = serve()
    document = server.client(everything).get("/openapi.json").json()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
            *("--url", server.address, "--header", f"Authorization: Bearer {everything}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", EXAMPLES, "--seed", "1", "--workers", "2", "--no-color"),
            *("--continue-on-failure", "--request-timeout", "30"),
            *("--report", "ndjson", "--report-dir", "report"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": str(settings.BASE_DIR),
            "SCHEMATHESIS_HOOKS": "tests.live.hooks",
            "SCHEMATHESIS_REFS": ",".join(some_requests(cast)),
        },
    )
    print(ran.stdout[-20000:], ran.stderr[-2000:])
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert f"{_calls(document)} selected / {_calls(document)} total" in ran.stdout
    reached = statuses_of_commands(tmp_path / "report")
    assert reached["2xx"] > 50, reached
    assert reached["409"] > 10, reached


def some_requests(cast) -> list[str]:
    """In several states: waiting, sent on, done, stopped."""
    waiting = [cast.ask() for _ in range(12)]
    changes = [cast.ask_for_account_change() for _ in range(4)]
    approved = [cast.approve(cast.ask()) for _ in range(6)]
    for item in approved[:3]:
        cast.run(item)
    return [item.ref for item in [*waiting, *changes, *approved]]


def statuses_of_commands(directory: Path) -> Counter:
    """How often well-formed commands were carried out, or came too late."""
    found: Counter = Counter()
    for line in next(directory.glob("*.ndjson")).read_text().splitlines():
        scenario = json.loads(line).get("ScenarioFinished")
        for call in (scenario or {}).get("recorder", {}).get("interactions", {}).values():
            if call["request"]["method"] == "POST" and call["response"]:
                status = call["response"]["status_code"]
                found["2xx" if status < 300 else str(status)] += 1
    return found


def _calls(document: dict) -> int:
    return sum(len(operations) for operations in document["paths"].values())

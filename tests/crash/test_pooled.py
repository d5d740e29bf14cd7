"""The web behind PgBouncer, with everything around it killed; `--pooled` of the crash test alone does more."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.crash.harness import pooler

NOT_HERE = pooler.why_not()


@pytest.mark.skipif(bool(NOT_HERE), reason=f"Behind PgBouncer it was NOT tried: {NOT_HERE}")
def test_nothing_is_lost_behind_pgbouncer():
    ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATA_DIR", "DJANGO_SETTINGS_MODULE")
    options = ("--pooled", "--seconds", "10", "--commands", "150", "--seed", "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.harness", *options],
        cwd=settings.BASE_DIR,
        env={name: value for name, value in os.environ.items() if name not in ours},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout
    line = json.loads(done.stdout)
    assert (line["lost"], line["doubled"], line["unexplained"]) == (0, 0, 0)
    assert line["acked"] > 50

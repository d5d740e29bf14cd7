"""A database of its own for one measurement: the embedded server, with its durable settings."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.embedded import EmbeddedServer

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "API_LIMIT_PER_TOKEN": "1000000/s",
    "API_LIMIT_PER_ADDRESS": "1000000/s",
    "LOG_LEVEL": "ERROR",
}


@contextmanager
def own_database(kept: str = "") -> Iterator["EmbeddedServer"]:
    """Django is set up on it, and its tables are there. `kept`: a directory to find it in again."""
    with _directory(kept) as directory:
        os.environ |= {"DATA_DIR": directory, **SETTINGS}
        from config.embedded import EmbeddedServer

        with EmbeddedServer(Path(directory)).running() as server:
            subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
            import django

            django.setup()
            yield server


@contextmanager
def _directory(kept: str) -> Iterator[str]:
    if kept:
        yield str(Path(kept).resolve())
        return
    with tempfile.TemporaryDirectory(prefix="aq-bench-") as directory:
        yield directory

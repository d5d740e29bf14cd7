"""gunicorn's own settings: `gunicorn --config config/gunicorn.py config.wsgi:application`.

Its lines are written as ours are, and what its processes count is put together: each writes files
into one folder, which is emptied at the start (docs/reference/metrics.md).
"""

import sys
import tempfile
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Request
from gunicorn.workers.base import Worker

from config.env import ConfigurationError, read
from config.logging import logging_config

try:
    _env = read()
except ConfigurationError as _error:
    sys.exit(f"Approval Queue cannot start: {_error}")

# Told to all processes before any of them counts, also with --preload. A reload finds it set.
_metrics_dir = _env.metrics_dir or Path(tempfile.mkdtemp(prefix="approval-queue-metrics-"))
_env.share(PROMETHEUS_MULTIPROC_DIR=str(_metrics_dir))

wsgi_app = "config.wsgi:application"
logconfig_dict = logging_config(_env)
control_socket_disable = True


# A client that stops in the middle of its request must not hold a thread for ever.
LONGEST_SILENCE_S = 15


def pre_request(worker: Worker, request: Request) -> None:
    """From here on its body is read; each wait for more of it ends after a while."""
    request.unreader.sock.settimeout(LONGEST_SILENCE_S)


def on_starting(server: Arbiter) -> None:
    """A new start counts from nothing: what an earlier one has left goes."""
    _metrics_dir.mkdir(parents=True, exist_ok=True)
    for file in _metrics_dir.glob("*.db"):
        file.unlink()


def child_exit(server: Arbiter, worker: Worker) -> None:
    """What it has counted stays counted; only that it lives is forgotten."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)

"""The database goes and comes back, with a real server of its own (T6.3)."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from config.embedded import EmbeddedServer
from tests.crash.harness.processes import children
from tests.demo.conftest import until

pytestmark = pytest.mark.worker
WITHIN_S = 2
OWN = ("DATABASE_URL", "DATABASE_OWNER_URL")


@pytest.fixture
def server(tmp_path: Path):
    """Its processes, or None while it is stopped, can be read from `running`."""
    tmp_path.chmod(0o755)
    embedded = EmbeddedServer(tmp_path / "data", durable=False)
    running = {"process": embedded.start()}
    yield embedded, running
    if running["process"] is not None:
        EmbeddedServer.stop(running["process"])


def test_livez_answers_and_readyz_says_no_until_it_is_back(serve, run, server):
    """T6.3"""
    embedded, running = server
    environ = {name: text for name, text in os.environ.items() if name not in OWN}
    environ["DATA_DIR"] = str(embedded.directory)
    migrate = run(["manage.py", "migrate", "--verbosity=0"], environ)
    assert migrate.process.wait(timeout=120) == 0, migrate.log.read_text()
    web = serve(environ)
    pid = web.process.pid

    def ready() -> int:
        return web.get("/readyz", timeout=WITHIN_S).status_code

    assert ready() == 200

    EmbeddedServer.stop(running["process"])
    running["process"] = None
    assert web.get("/livez", timeout=WITHIN_S).status_code == 200
    assert ready() == 503
    assert web.metrics()["approvals_database_up"] == 0

    running["process"] = embedded.start()
    until(lambda: ready() == 200)

    frozen = [running["process"].pid, *children(running["process"].pid)]
    for one in frozen:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    assert web.get("/livez", timeout=WITHIN_S).status_code == 200
    assert [ready() for _ in range(3)] == [503] * 3
    for one in frozen:
        with suppress(ProcessLookupError):  # Ended before, gone when its parent woke.
            os.kill(one, signal.SIGCONT)
    until(lambda: ready() == 200)
    assert web.process.pid == pid
    assert web.process.poll() is None

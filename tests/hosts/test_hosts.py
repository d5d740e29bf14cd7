"""Hosts in network namespaces: what a cut cable does, and one promotion under load."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest
from django.conf import settings

from tests.crash.harness.checker import DOUBLED, LOST, Case, Finding
from tests.crash.harness.snapshot import Books
from tests.hosts import topology
from tests.hosts.loss import Explained, Had, Loss

NOT_HERE = topology.is_not_permitted()
needs_hosts = pytest.mark.skipif(bool(NOT_HERE), reason=f"Several hosts were NOT tried: {NOT_HERE}")


def run_short(*more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.hosts.run", "--seconds", "15", "--seed", "1", *more]
    ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATA_DIR", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=540,
    )


@pytest.mark.drill
@needs_hosts
def test_a_promotion_under_load_loses_nothing_and_the_old_primary_confirms_nothing():
    done = run_short()
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    line = json.loads(done.stdout)
    assert (line["lost"], line["doubled"], line["unexplained"]) == (0, 0, 0)
    [promotion] = line["promotions"]
    assert (promotion["answered_on_old"], promotion["refused_on_old"]) == (0, 3)
    assert line["web_ready"] == 2


@needs_hosts
def test_a_cut_cable_lets_nothing_through_and_says_nothing():
    with topology.lan() as lan:
        host = lan.add("one", 11)
        server = subprocess.Popen(
            host.inside([sys.executable, "-c", ANSWERS.format(address=host.address)]),
            stdout=subprocess.PIPE,
        )
        server.stdout.readline()
        place = (host.address, 8000)
        socket.create_connection(place, timeout=5).close()
        host.cut()
        with pytest.raises(TimeoutError):
            socket.create_connection(place, timeout=0.5)
        host.mend()
        socket.create_connection(place, timeout=5).close()
        assert host.kill() == 1
        server.wait()
        server.stdout.close()
    assert f"aq{os.getpid()}-" not in topology.ip("netns", "list")


@needs_hosts
def test_what_runs_on_a_lan_ends_with_it_also_after_a_failure():
    with pytest.raises(RuntimeError), topology.lan() as lan:
        host = lan.add("one", 11)
        server = subprocess.Popen(
            host.inside([sys.executable, "-c", ANSWERS.format(address=host.address)]),
            stdout=subprocess.PIPE,
        )
        server.stdout.readline()
        raise RuntimeError
    assert server.wait(timeout=30) < 0
    server.stdout.close()
    assert f"aq{os.getpid()}b" not in topology.ip("-o", "link")


@needs_hosts
def test_the_names_of_a_lan_are_free_as_soon_as_it_has_ended():
    for _ in range(20):
        with topology.lan() as lan:
            lan.add("one", 11)
        assert not re.search(rf"\baq{os.getpid()}[bv]", topology.ip("-o", "link"))


ANSWERS = """
import socket
with socket.create_server(("{address}", 8000)) as server:
    print("listens", flush=True)
    while True:
        server.accept()[0].close()
"""


# --- What a loss explains, and what nothing explains ------------------------------------------------


@pytest.fixture
def loss() -> Loss:
    got = Had({"user:1 a": ("a", 10.0)}, {("request/RF-1", 1)}, {"aq-1"}, {"aq-1": 1})
    old = Had(
        {**got.commands, "user:1 b": ("b", 12.5)},
        got.events | {("request/RF-2", 1)},
        got.effects | {"aq-2"},
        {"aq-1": 1, "aq-2": 1},
    )
    return Loss.between(old, got, died_at=14.0)


def test_a_loss_is_what_only_the_old_primary_has(loss):
    assert (loss.commands, loss.events, loss.sent, loss.seconds) == (1, 1, 1, 1.5)
    assert {"b", "RF-2", "aq-2"} <= loss.subjects
    assert not {"a", "RF-1", "aq-1"} & loss.subjects


@pytest.mark.parametrize(
    ("finding", "is_explained"),
    [
        (Finding(LOST, "b", "It is gone."), True),
        (Finding(LOST, "RF-2", "It is gone."), True),
        (Finding(LOST, "a", "It is gone."), False),
        (Finding(LOST, "RF-1", "It is gone."), False),
        (Finding(DOUBLED, "aq-2", "It was done twice."), False),
    ],
)
def test_only_what_a_stated_loss_touched_is_explained_by_it(loss, finding, is_explained):
    explained = Explained()
    explained.subjects |= loss.subjects
    assert explained(Case(Books(), [], {}), finding) is is_explained
    assert (finding in explained.findings) is is_explained

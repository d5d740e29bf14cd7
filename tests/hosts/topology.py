"""Hosts on one machine: network namespaces on a bridge, each with an address and a cable to cut.

A cable that is cut drops every packet and tells nobody, as a switch does that lost its power. All
of it is named after the process that made it, and goes with it.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NETS = range(1, 255)
LAN_PORT = 1  # the bridge's own address, which is this process on the same LAN


class NotPermitted(Exception):
    """This process may not make network namespaces; the message says why."""


@dataclass
class Host:
    """One machine. `address` is its own; its processes are found by its namespace."""

    name: str
    address: str
    space: str
    cable: str
    bridge: str
    is_cut: bool = False
    _silent_to: set[str] = field(default_factory=set)

    def inside(self, command: list[str]) -> list[str]:
        """The command as one of this host's processes. The process id stays the same."""
        return ["nsenter", f"--net=/run/netns/{self.space}", "--", *command]

    def cut(self) -> None:
        ip("link", "set", self.cable, "nomaster")
        self.is_cut = True

    def mend(self) -> None:
        ip("link", "set", self.cable, "master", self.bridge)
        self.is_cut = False

    def fall_silent_to(self, other: "Host") -> None:
        """What it sends to the other is lost, also the receipts for what it gets from there."""
        if other.address not in self._silent_to:
            ip("-n", self.space, "route", "add", "blackhole", f"{other.address}/32")
            self._silent_to.add(other.address)

    def speak_to(self, other: "Host") -> None:
        if other.address in self._silent_to:
            ip("-n", self.space, "route", "del", "blackhole", f"{other.address}/32")
            self._silent_to.discard(other.address)

    def pids(self) -> list[int]:
        return [int(word) for word in ip("netns", "pids", self.space).split()]

    def kill(self) -> int:
        """The power goes: it is off the LAN, so that no process says goodbye, and all of them are
        gone. How many those were. Mend the cable when it is back."""
        if self.cable:
            self.cut()
        killed = 0
        while pids := self.pids():
            killed += self.signal(signal.SIGKILL, pids)
            time.sleep(0.02)
        return killed

    def freeze(self) -> None:
        """A virtual machine that stands still: its processes, and its answers to the network."""
        self.cut()
        self.signal(signal.SIGSTOP, self.pids())

    def thaw(self) -> None:
        self.signal(signal.SIGCONT, self.pids())
        self.mend()

    @staticmethod
    def signal(number: signal.Signals, pids: list[int]) -> int:
        reached = 0
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                reached += 1
        return reached


@dataclass
class Lan:
    """A bridge and the hosts on it. `gateway` is where this process can be reached from them."""

    prefix: str
    bridge: str
    net: int
    hosts: list[Host] = field(default_factory=list)

    @property
    def gateway(self) -> str:
        return f"10.77.{self.net}.{LAN_PORT}"

    def add(self, name: str, number: int) -> Host:
        cable = f"{self.prefix}v{number}"
        host = Host(name, f"10.77.{self.net}.{number}", f"{self.prefix}-{name}", cable, self.bridge)
        ip("netns", "add", host.space)
        self.hosts.append(host)
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.space)
        ip("-n", host.space, "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", host.space, "link", "set", device, "up")
        ip("link", "set", cable, "up")
        host.mend()
        return host


def ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def lan() -> Iterator[Lan]:
    """An empty LAN. Everything on it is ended with it, however this is left."""
    why_not = is_not_permitted()
    if why_not:
        raise NotPermitted(why_not)
    _remove_what_dead_runs_left()
    prefix = f"aq{os.getpid()}"
    made = _bridge(prefix)
    try:
        yield made
    finally:
        _remove(prefix)


def is_not_permitted() -> str:
    """Why there can be no hosts here; "" when there can be."""
    name = f"aq{os.getpid()}-try"
    try:
        if os.geteuid():
            return "Hosts in network namespaces need root."
        ip("netns", "add", name)
    except OSError as trouble:
        return f"No network namespace can be made here ({trouble})."
    try:
        ip("link", "add", f"aq{os.getpid()}t", "netns", name, "type", "bridge")
    except OSError as trouble:
        return f"No bridge can be made here ({trouble})."
    finally:
        ip("netns", "del", name)
    return ""


def _bridge(prefix: str) -> Lan:
    """On a net that nobody on this machine uses."""
    taken = {int(net) for net in re.findall(r"\b10\.77\.(\d+)\.", ip("-4", "-o", "address"))}
    net = next(n for n in (*NETS[os.getpid() % len(NETS) :], *NETS) if n not in taken)
    made = Lan(prefix, f"{prefix}b", net)
    ip("link", "add", made.bridge, "type", "bridge")
    ip("address", "add", f"{made.gateway}/24", "dev", made.bridge)
    ip("link", "set", made.bridge, "up")
    return made


def _remove(prefix: str) -> None:
    for space in ip("netns", "list").split():
        if space.startswith(f"{prefix}-"):
            Host("", "", space, "", "").kill()
            ip("netns", "del", space)
    # The kernel takes a namespace's cables away some time after it: not before the next LAN needs
    # their names.
    for device in re.findall(rf"\b{prefix}(?:b|v\d+)\b", ip("-o", "link")):
        with contextlib.suppress(OSError):
            ip("link", "del", device)


def _remove_what_dead_runs_left() -> None:
    """A run that was killed could not; its number says whose they were."""
    names = ip("netns", "list") + ip("-o", "link")
    for pid in set(re.findall(r"\baq(\d+)(?:-|b\b)", names)):
        if not Path(f"/proc/{pid}").exists():
            _remove(f"aq{pid}")

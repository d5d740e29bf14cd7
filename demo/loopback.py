"""Ports and servers on this machine, for whoever starts parts of the product as processes."""

import socket

import httpx


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address: str) -> bool:
    """Whether somebody serves this address with a 200 within two seconds."""
    try:
        return httpx.get(address, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False

"""`python -m demo.simulator --port 8002 --ledger ledger.sqlite3`; needs no Django."""

import argparse
import signal
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from . import refunds
from .faults import FAULTS, BadFault, Faults, parse_fault
from .ledger import Ledger
from .provider import Durations, Provider
from .server import HOST, SimulatorServer
from .webhooks import Courier, Endpoint


class CannotStart(Exception):
    """The message is a sentence for whoever started it."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.simulator", description=__doc__)
    add_arguments(parser)
    options = vars(parser.parse_args())
    try:
        run(options)
    except CannotStart as refusal:
        parser.error(str(refusal))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    normal = Durations()
    parser.add_argument("--port", type=_port, required=True, help="0 picks a free one")
    parser.add_argument("--address", default=HOST, help="where it listens; other machines reach it")
    parser.add_argument("--ledger", type=Path, required=True, help="SQLite file, made if missing")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[@TARGET]=PROBABILITY",
        help=f"may be given several times; NAME is one of: {', '.join(sorted(FAULTS))}",
    )
    parser.add_argument("--seed", type=int, help="makes the draws of faults repeatable")
    parser.add_argument("--hang-seconds", type=_seconds, default=normal.hang_seconds)
    parser.add_argument("--slow-seconds", type=_seconds, default=normal.slow_seconds)
    parser.add_argument("--retry-after-seconds", type=_whole, default=normal.retry_after_seconds)
    parser.add_argument("--fail-later-seconds", type=_seconds, default=normal.fail_later_seconds)
    parser.add_argument("--pending-seconds", type=_seconds, default=normal.pending_seconds)
    parser.add_argument("--drip-seconds", type=_seconds, default=normal.drip_seconds)
    parser.add_argument("--webhook", type=_address, metavar="URL", help="where refunds are told to")
    parser.add_argument("--webhook-secret", metavar="whsec_…", help="what webhooks are signed with")


def run(options: dict) -> None:
    """Serves until SIGTERM or SIGINT."""
    stops = {signal.SIGTERM, signal.SIGINT}
    # Blocked before any thread starts, so that the signal waits for sigwait below.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        server = _server(options)
        server.start()
        print(f"Provider simulator: {server.url}", flush=True)
        signal.sigwait(stops)
        server.stop()
        if server.provider.courier is not None:
            server.provider.courier.stop()
        server.provider.ledger.close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _server(options: dict) -> SimulatorServer:
    durations = Durations(
        hang_seconds=options["hang_seconds"],
        slow_seconds=options["slow_seconds"],
        retry_after_seconds=options["retry_after_seconds"],
        fail_later_seconds=options["fail_later_seconds"],
        pending_seconds=options["pending_seconds"],
        drip_seconds=options["drip_seconds"],
    )
    courier = _courier(options["webhook"], options["webhook_secret"])
    faults = Faults(dict(options["fault"]), seed=options["seed"])
    try:
        ledger = Ledger(options["ledger"])
    except (OSError, sqlite3.Error) as trouble:
        raise CannotStart(f"The ledger {options['ledger']} can't be opened: {trouble}.") from None
    try:
        provider = Provider(ledger=ledger, faults=faults, durations=durations, courier=courier)
        server = SimulatorServer(options["port"], provider, options["address"])
    except OSError as trouble:
        raise CannotStart(f"Port {options['port']} can't be used: {trouble.strerror}.") from None
    refunds.tell_what_is_to_come(provider)
    return server


def _courier(url: str | None, secret: str | None) -> Courier | None:
    if (url is None) != (secret is None):
        raise CannotStart("--webhook and --webhook-secret need each other.")
    return Courier(Endpoint(url=url, secret=secret)) if url and secret else None


def _fault(text: str) -> tuple[str, float]:
    try:
        return parse_fault(text)
    except BadFault as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from None


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http:// or https:// address.")
    return text


def _port(text: str) -> int:
    port = _whole(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0 to 65535).")
    return port


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number.")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 3600.")
    return seconds


if __name__ == "__main__":
    main()

"""`demo`: the whole product in the foreground, in the 09:12 situation; one signal ends it in order."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from demo.supervisor import CannotRun, Demo


class Command(BaseCommand):
    help = "Run PostgreSQL, provider simulator, worker and web server with a sample organisation."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--data-dir", type=Path, help="where everything is kept (.data)")
        parser.add_argument("--reset", action="store_true", help="forget the data of earlier runs")
        parser.add_argument("--speed", type=int, default=1, help="divides every wait of the worker")
        parser.add_argument("--once", action="store_true", help="make everything ready, then stop")

    def handle(self, *args: object, port: int, speed: int, **options: object) -> None:
        if not 1 <= port <= 65535:
            raise CommandError(f"{port} is not a port.")
        if not 1 <= speed <= 10_000:
            raise CommandError("--speed is a whole number from 1 to 10000.")
        demo = Demo(port=port, speed=speed, say=self.stdout.write)
        try:
            demo.run(reset=bool(options["reset"]), once=bool(options["once"]))
        except CannotRun as error:
            raise CommandError(str(error)) from error

#!/usr/bin/env python
"""Run a management command, with the embedded PostgreSQL around it when no DATABASE_URL is set."""

import contextlib
import os
import secrets
import sys

WITHOUT_DATABASE = {
    "demo",
    "provider_simulator",
    "collectstatic",
    "help",
    "draw_states",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if directory := _data_dir(sys.argv[2:]):  # before anything reads the settings
        os.environ["DATA_DIR"] = directory
    from audit.correlation import interaction
    from config.env import ConfigurationError

    try:
        with _database_for(sys.argv[1:2]):
            from django.core.management import execute_from_command_line

            with interaction(_id_of_this_run()):
                execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(f"Approval Queue cannot start: {error}")


def _id_of_this_run() -> str:
    """What a command records or logs can be joined, as that of a web request can."""
    return f"{sys.argv[1] if sys.argv[1:] else 'help'}-{secrets.token_hex(8)}"


def _data_dir(arguments: list[str]) -> str:
    for position, argument in enumerate(arguments):
        if argument.startswith("--data-dir="):
            return argument.partition("=")[2]
        if argument == "--data-dir":
            return "".join(arguments[position + 1 : position + 2])
    return ""


def _database_for(command: list[str]) -> contextlib.AbstractContextManager:
    from config import env

    settings = env.read()
    if settings.database or not command or WITHOUT_DATABASE.intersection(command):
        return contextlib.nullcontext()
    from config.embedded import EmbeddedServer

    return EmbeddedServer(settings.data_dir).running()


if __name__ == "__main__":
    main()

"""Installs what the environment of this process asks for."""

import os
from pathlib import Path

from django.apps import AppConfig

POINTS = "CRASH_POINTS"
CONTROL = "CRASH_CONTROL"


class Seams(AppConfig):
    name = "tests.crash.harness.seams"
    label = "crash_seams"

    def ready(self) -> None:
        from tests.crash.harness.seams import controls, failpoints, waits

        waits.shorten()
        if control := os.environ.get(CONTROL):
            controls.install(control)
        if directory := os.environ.get(POINTS):
            failpoints.install(Path(directory))

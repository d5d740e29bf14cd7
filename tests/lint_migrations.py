"""`python -m tests.lint_migrations`: would a new migration hold up those who work meanwhile?

Squawk reads the SQL of every migration that came after those of `BEFORE`. What is meant is said in the
SQL itself: `-- squawk-ignore RULE`, with the reason.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from tests import postgres

# The newest migration of each app when the linter came; an app that is missing is new altogether.
BEFORE = {
    "accounts": 5,
    "approvals": 20,
    "audit": 9,
    "auditing": 1,
    "handoffs": 4,
    "notifications": 2,
    "policies": 2,
    "rights": 1,
    "webhooks": 2,
}
# Limits of lengths are part of the forms and of the API; `migrate` sets lock_timeout for its whole run.
LEFT_OUT = ("prefer-text-field", "require-timeout-settings")


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    postgres.build("aq_test")
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        written = list(_written(Path(folder)))
        together = [path for path, atomic in written if atomic]
        found = _squawk(together, "--assume-in-transaction")
        found |= _squawk([path for path, atomic in written if not atomic])
    connections.close_all()
    postgres.drop("aq_test")
    return found


def _squawk(files: list[Path], *options: str) -> int:
    if not files:
        return 0
    squawk = Path(sys.executable).with_name("squawk")
    known = ["--pg-version=16", f"--exclude={','.join(LEFT_OUT)}"]
    return subprocess.run([squawk, *known, *options, *files]).returncode


def _written(folder: Path) -> Iterator[tuple[Path, bool]]:
    """The SQL of each new migration, as a file, and whether it runs in one transaction."""
    loader = MigrationLoader(connections["owner"], replace_migrations=False)
    ours = {
        one.label for one in apps.get_app_configs() if Path(one.path).parent == settings.BASE_DIR
    }
    for app, name in sorted(loader.graph.nodes):
        if app in ours and int(name[:4]) > BEFORE.get(app, 0):
            path = folder / f"{app}_{name}.sql"
            path.write_text(_sql_of(loader, (app, name)))
            yield path, loader.graph.nodes[app, name].atomic


def _sql_of(loader: MigrationLoader, node: tuple[str, str]) -> str:
    plan = [(loader.graph.nodes[node], False)]
    return "\n".join(loader.collect_sql(plan)) + "\n"


if __name__ == "__main__":
    sys.exit(main())

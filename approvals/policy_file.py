"""A policy as a TOML file: read with every problem at once, and written to read back the same."""

import tomllib
from typing import Any

import tomli_w

from approvals.policy_table import MalformedPolicy, parse

MOST_BYTES = 500_000


def read(text: str, *, called: str) -> dict[str, Any]:
    """Slug, name and table. Raise `MalformedPolicy` with every problem; `called` names the file."""
    if len(text) > MOST_BYTES:
        raise MalformedPolicy([f"{called} is larger than half a megabyte."])
    try:
        written = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedPolicy([f"{called} cannot be read: {error}"]) from error
    problems = [
        f"{called} needs {name} = “…” as text."
        for name in ("slug", "name")
        if not isinstance(written.get(name), str) or not written[name]
    ]
    extra = set(written) - {"slug", "name", "rules"}
    if extra:
        problems.append(f"{called} has words that mean nothing: {', '.join(sorted(extra))}.")
    try:
        parse(written.get("rules", []))
    except MalformedPolicy as malformed:
        problems += malformed.problems
    if problems:
        raise MalformedPolicy(problems)
    return {"slug": written["slug"], "name": written["name"], "table": written["rules"]}


def write(*, slug: str, name: str, table: list[dict[str, Any]]) -> str:
    """What `read` makes the same policy of."""
    return tomli_w.dumps({"slug": slug, "name": name, "rules": table}, multiline_strings=False)

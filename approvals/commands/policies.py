"""Bringing a decision table into force. Versions never change; a new one becomes the live one."""

import tomllib
from datetime import datetime
from pathlib import Path

from django.db import transaction

from accounts.models import User
from approvals.models import Policy, PolicyVersion
from approvals.policy_table import MalformedPolicy, parse
from audit.recorder import Actor, Target, record

SYSTEM = Actor(type="system", id="command-line", label="Command line")


def read_policy_file(path: Path) -> dict:
    """Slug, name and table of a policy file. Raise `MalformedPolicy` with every problem of it."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MalformedPolicy([f"{path} cannot be read: {error}"]) from error
    problems = [
        f"{path.name} needs {name} = “…” as text."
        for name in ("slug", "name")
        if not isinstance(written.get(name), str) or not written[name]
    ]
    extra = set(written) - {"slug", "name", "rules"}
    if extra:
        problems.append(f"{path.name} has words that mean nothing: {', '.join(sorted(extra))}.")
    try:
        parse(written.get("rules", []))
    except MalformedPolicy as malformed:
        problems += malformed.problems
    if problems:
        raise MalformedPolicy(problems)
    return {"slug": written["slug"], "name": written["name"], "table": written["rules"]}


def load_policy(
    *, slug: str, name: str, table: list[dict], at: datetime, by: User | None = None
) -> PolicyVersion:
    """Make `table` the live version of the policy `slug`; the same table again changes nothing.

    Open requests keep the version that they were asked under. Raise `MalformedPolicy`.
    """
    parse(table)
    actor = _actor(by)
    with transaction.atomic():
        policy, _ = Policy.objects.select_for_update().get_or_create(
            slug=slug, defaults={"name": name}
        )
        if policy.live is not None and policy.live.table == table:
            return policy.live
        number = policy.versions.count() + 1
        version = PolicyVersion.objects.create(
            policy=policy, number=number, table=table, loaded_at=at, loaded_by=by
        )
        policy.live, policy.name = version, name
        policy.save()
        record(
            stream=f"policy/{slug}",
            action="policy.load",
            actor=actor,
            target=Target("policy", slug, version_before=number - 1, version_after=number),
            at=at,
            facts={"rules": len(table)},
        )
    return version


def _actor(by: User | None) -> Actor:
    return Actor(type="person", id=str(by.pk), label=by.name) if by else SYSTEM

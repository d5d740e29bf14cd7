"""Bringing a decision table into force. Versions never change; a new one becomes the live one."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from accounts.models import User
from approvals import policy_file
from approvals.models import Policy, PolicyVersion
from approvals.policy_table import MalformedPolicy, parse
from audit.recorder import Actor, Target, record

SYSTEM = Actor(type="system", id="command-line", label="Command line")


def read_policy_file(path: Path) -> dict:
    """Slug, name and table of a policy file. Raise `MalformedPolicy` with every problem of it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedPolicy([f"{path} cannot be read: {error}"]) from error
    return policy_file.read(text, called=path.name)


def load_policy(
    *,
    slug: str,
    name: str,
    table: list[dict],
    at: datetime,
    by: User | None = None,
    reason: str = "",
    draft: int | None = None,
    key: str = "",
) -> PolicyVersion:
    """Make `table` the live version of the policy `slug`; the same table again changes nothing.

    Open requests keep the version that they were asked under. `draft`: what was published. Raise
    `MalformedPolicy`.
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
            policy=policy, number=number, table=table, loaded_at=at, loaded_by=by, reason=reason
        )
        policy.live, policy.name = version, name
        policy.save()
        record(
            stream=f"policy/{slug}",
            action="policy.load" if draft is None else "policy.publish",
            actor=actor,
            target=Target("policy", slug, version_before=number - 1, version_after=number),
            at=at,
            reason=reason,
            facts={"rules": len(table), **({} if draft is None else {"draft": draft})},
            key=key,
        )
    return version


def _actor(by: User | None) -> Actor:
    return by.actor if by else SYSTEM

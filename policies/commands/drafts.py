"""Drafts of policies: begun, changed, discarded, and published by somebody who wrote none of it."""

from collections.abc import Callable
from datetime import datetime

from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals.commands.frame import Answer, bounded, required
from approvals.commands.managed import Changed, managed
from approvals.commands.policies import load_policy
from approvals.models import Policy, PolicyVersion
from approvals.policy_table import MalformedPolicy, parse
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed, VersionMismatch
from approvals.rules import may, not_held
from audit.recorder import Target, record
from policies import linting
from policies.edits import Edit
from policies.models import Draft, DraftState

ABOUT = "policy"
LONGEST_PURPOSE = 2000


def begin(*, slug: str, number: int | None, by: User, at: datetime, key: str) -> Answer:
    """A draft of what is live, or of an older version, to go back to it."""

    def act(person: Access) -> Changed:
        policy = _policy(slug, person)
        version = policy.live if number is None else policy.versions.filter(number=number).first()
        if version is None:
            raise NotFound(slug)
        draft = Draft.objects.create(
            policy=policy,
            based_on=policy.live,
            name=policy.name,
            table=version.table,
            contributor_keys=[] if version == policy.live else [str(person.person_key)],
            created_by=by,
            created_at=at,
            updated_at=at,
        )
        _tell("draft", draft, person, at, key, of=version.number)
        return Changed(draft.pk, 1, f"A draft of version {version.number} is begun.")

    arguments = {"number": number}
    return managed("draft", slug, act, about=ABOUT, by=by, at=at, key=key, arguments=arguments)


def change(
    *,
    pk: int,
    version: int,
    name: str,
    table: list[dict],
    purpose: str,
    by: User,
    at: datetime,
    key: str,
) -> Answer:
    """Save what somebody wrote. `version`: of the draft, as they saw it. Malformed tables are refused."""

    def act(draft: Draft, person: Access) -> str:
        _write(draft, person, table)
        draft.name = required("name", name, "Give the policy a name.", longest=120)
        draft.purpose = bounded("purpose", purpose, longest=LONGEST_PURPOSE)
        return "The draft is saved."

    arguments = {"name": name, "table": table, "purpose": purpose}
    return _on("change_draft", pk, version, act, by=by, at=at, key=key, arguments=arguments)


def change_rule(
    *,
    pk: int,
    version: int,
    edit: Edit,
    by: User,
    at: datetime,
    key: str,
    purpose: str | None = None,
) -> Answer:
    """Do one thing to one rule; the rest of the draft stays. Malformed tables are refused."""

    def act(draft: Draft, person: Access) -> str:
        sentence = edit.sentence(draft.table)
        _write(draft, person, edit.applied(draft.table))
        if purpose is not None:
            draft.purpose = bounded("purpose", purpose, longest=LONGEST_PURPOSE)
        return sentence

    arguments = {**edit.arguments(), "purpose": purpose}
    return _on("change_draft", pk, version, act, by=by, at=at, key=key, arguments=arguments)


def _write(draft: Draft, person: Access, table: list[dict]) -> None:
    try:
        parse(table)
    except MalformedPolicy as malformed:
        raise Invalid({"table": " ".join(malformed.problems)[:5000]}) from malformed
    draft.table = table
    draft.contributor_keys = sorted({*draft.contributor_keys, str(person.person_key)})


def rebase(*, pk: int, version: int, by: User, at: datetime, key: str) -> Answer:
    """Compare it with what is live now: somebody published meanwhile."""

    def act(draft: Draft, person: Access) -> str:
        draft.based_on = draft.policy.live
        return f"It is compared with version {draft.based_on.number} now. Look at what it changes."

    return _on("rebase_draft", pk, version, act, by=by, at=at, key=key)


def discard(*, pk: int, version: int, by: User, at: datetime, key: str) -> Answer:
    def act(draft: Draft, person: Access) -> str:
        draft.state, draft.ended_at, draft.ended_by = DraftState.DISCARDED, at, by
        return "The draft is discarded. The policy stays as it is."

    return _on("discard", pk, version, act, by=by, at=at, key=key)


def publish(*, pk: int, version: int, by: User, at: datetime, key: str) -> Answer:
    """Make it the live version. By somebody who wrote none of it, as they saw it."""

    def act(draft: Draft, person: Access) -> str:
        _check_publisher(draft, person)
        live = draft.policy.live
        if draft.based_on_id != live.pk:
            raise TransitionNotAllowed(
                f"Version {live.number} was published meanwhile. Compare the draft with it first."
            )
        if draft.table == live.table:
            raise TransitionNotAllowed("It says the same as what is live. Nothing to publish.")
        if not draft.purpose:
            raise Invalid({"purpose": "Its authors have to say first what it is for."})
        if errors := linting.errors(draft):
            raise Invalid({"table": " ".join(errors)[:5000]})
        published = load_policy(
            slug=draft.policy.slug,
            name=draft.name,
            table=draft.table,
            at=at,
            by=by,
            reason=draft.purpose,
            draft=draft.pk,
            key=key,
        )
        draft.state, draft.published_as = DraftState.PUBLISHED, published
        draft.ended_at, draft.ended_by = at, by
        return f"Version {published.number} is live. Open requests keep the version they have."

    return _on("publish", pk, version, act, by=by, at=at, key=key, is_told=False)


def _check_publisher(draft: Draft, person: Access) -> None:
    if str(person.person_key) in draft.contributor_keys:
        raise NotAllowed(
            denied("own-draft", "You wrote some of this draft: somebody else publishes it.")
        )
    if not (verdict := not_held(person)):
        raise NotAllowed(verdict)


def _on(
    verb: str,
    pk: int,
    version: int,
    act: Callable[[Draft, Access], str],
    *,
    by: User,
    at: datetime,
    key: str,
    arguments: dict | None = None,
    is_told: bool = True,
) -> Answer:
    """What all commands about a draft share: it is locked, open, theirs to change, and as seen."""

    def run(person: Access) -> Changed:
        draft = _open_draft(pk, person)
        if draft.version != version:
            raise VersionMismatch(
                "The draft changed while you were reading. Nothing was recorded.",
                now=draft.version,
            )
        sentence = act(draft, person)
        draft.version += 1
        draft.updated_at = at
        draft.save()
        if is_told:
            _tell(verb, draft, person, at, key, version=draft.version)
        return Changed(draft.pk, draft.version, sentence)

    arguments = {"version": version, **(arguments or {})}
    return managed(verb, pk, run, about=ABOUT, by=by, at=at, key=key, arguments=arguments)


def _open_draft(pk: int, person: Access) -> Draft:
    """Its policy is locked first: two who publish at once wait for each other."""
    slug = Draft.objects.filter(pk=pk).values_list("policy__slug", flat=True).first()
    if slug is None:
        raise NotFound(str(pk))
    policy = _policy(slug, person)
    draft = Draft.objects.select_for_update(of=("self",)).get(pk=pk)
    draft.policy = policy
    if draft.state != DraftState.OPEN:
        raise TransitionNotAllowed(f"This draft is {draft.get_state_display().lower()} already.")
    return draft


def _policy(slug: str, person: Access) -> Policy:
    """Locked. Raises `NotFound`, `NotAllowed`."""
    policy = Policy.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if policy is None or not person.queues:
        raise NotFound(slug)
    verdict = may("write_policy", policy, person)
    if not verdict:
        raise NotAllowed(verdict)
    policy.live = PolicyVersion.objects.get(pk=policy.live_id) if policy.live_id else None
    if policy.live is None:
        raise TransitionNotAllowed(f"{policy.name} has no live version yet: load a policy file.")
    return policy


def _tell(verb: str, draft: Draft, person: Access, at: datetime, key: str, **facts: int) -> None:
    record(
        stream=f"policy/{draft.policy.slug}",
        action=f"policy.{verb}",
        actor=person.actor,
        target=Target("policy", draft.policy.slug),
        at=at,
        reason=draft.purpose,
        facts={"draft": draft.pk, **facts},
        key=key,
    )

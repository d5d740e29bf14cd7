"""Asking a worker to try a table over past requests, and stopping it."""

from datetime import datetime

from accounts.access import Access
from accounts.models import User
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed, managed
from approvals.models import Policy
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.rules import may
from policies import jobs, trying
from policies.models import Draft, Trial

ABOUT = "policy"


def ask(
    *,
    slug: str,
    draft: int | None,
    number: int | None,
    since: datetime,
    until: datetime,
    by: User,
    at: datetime,
    key: str,
) -> Answer:
    """Try a draft, or a version (by default what is live), over the requests of a period."""

    def act(person: Access) -> Changed:
        policy = _policy(slug, person)
        if since >= until:
            raise Invalid({"until": "The end must be later than the beginning."})
        chosen, of, table = _tried(policy, draft, number)
        period = {"since": since, "until": until}
        try:
            trial = trying.begin(
                policy,
                draft=chosen,
                of=of,
                table=table,
                **period,
                by=by,
                person=person,
                at=at,
                key=key,
            )
        except trying.Busy:
            raise TransitionNotAllowed(
                "You try something already. Wait for it, or stop it."
            ) from None
        jobs.wake(trial.pk)
        return Changed(trial.pk, 1, "It is asked for. It changes nothing.")

    arguments = {"draft": draft, "number": number, "since": str(since), "until": str(until)}
    return managed("try", slug, act, about=ABOUT, by=by, at=at, key=key, arguments=arguments)


def stop(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    """By who asked for it."""

    def act(person: Access) -> Changed:
        trial = Trial.objects.filter(pk=pk, asked_by=by).first()
        if trial is None:
            raise NotFound(str(pk))
        trying.stop(trial, at=at)
        return Changed(pk, 1, "It is stopped.")

    return managed("stop_trial", pk, act, about=ABOUT, by=by, at=at, key=key)


def _policy(slug: str, person: Access) -> Policy:
    policy = Policy.objects.select_related("live").exclude(live=None).filter(slug=slug).first()
    if policy is None or not person.queues:
        raise NotFound(slug)
    verdict = may("simulate", policy, person)
    if not verdict:
        raise NotAllowed(verdict)
    return policy


def _tried(policy: Policy, draft: int | None, number: int | None) -> tuple[Draft | None, str, list]:
    if draft is not None:
        chosen = policy.drafts.filter(pk=draft).first()
        if chosen is None:
            raise Invalid({"what": "There is no such draft."})
        return chosen, f"draft {chosen.pk}", chosen.table
    version = policy.live if number is None else policy.versions.filter(number=number).first()
    if version is None:
        raise Invalid({"what": "There is no such version."})
    return None, f"version {version.number}", version.table

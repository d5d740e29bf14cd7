"""Trying other rules over past requests, before anybody publishes them."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from accounts.models import Scope
from approvals.api.callers import caller, needs
from approvals.api.problems import Problem, unusable
from approvals.api.requests import sent
from approvals.api.shapes import DifferenceShape, Simulate, SimulationShape
from approvals.models import Policy
from approvals.policy_table import MalformedPolicy, parse
from approvals.routing import Rule
from approvals.rules import may
from approvals.simulation import WAYS, simulate
from approvals.wording import is_storable

MOST = 20_000  # while somebody waits; `manage.py simulate_policy` reads all

router = Router(tags=["Policies"])


@router.post(
    "/{slug}/simulations",
    response=SimulationShape,
    operation_id="simulatePolicy",
    summary="What other rules would have asked for",
)
@needs(Scope.READ)
def simulations(request: HttpRequest, slug: str, body: Simulate) -> HttpResponse:
    """Runs `version` or `rules` over the requests made from `from` up to `to`. Changes nothing,
    so it needs no key. For who manages the policy."""
    policy = Policy.objects.filter(slug=slug).first() if is_storable(slug) else None
    person = caller(request)
    if policy is None or not person.queues:
        raise Problem("not-found", "There is no such policy that you can see.")
    verdict = may("simulate", policy, person)
    if not verdict:
        raise Problem("not-allowed", verdict.sentence, rule=verdict.code)
    if body.from_ >= body.to:
        raise unusable("to", "The end must be later than the beginning.")
    found = simulate(policy, _rules(policy, body), since=body.from_, until=body.to, most=MOST)
    return sent(
        SimulationShape(
            policy=policy.slug,
            requests=found.requests,
            **{way: found.counts[way] for way in WAYS},
            nobody=found.nobody,
            differences=[
                DifferenceShape(ref=one.ref, was=one.was, would_be=one.would_be)
                for one in found.differences
            ],
            is_cut=found.is_cut,
        )
    )


def _rules(policy: Policy, body: Simulate) -> list[Rule]:
    if (body.version is None) == (body.rules is None):
        raise unusable("rules", "Send either a version of the policy or rules of your own.")
    if body.rules is not None:
        try:
            return parse(body.rules)
        except MalformedPolicy as malformed:
            raise unusable("rules", " ".join(malformed.problems)[:2000]) from malformed
    version = policy.versions.filter(number=body.version).first() if body.version < 2**31 else None
    if version is None:
        raise unusable("version", "The policy has no such version.")
    return version.rules

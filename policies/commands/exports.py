"""Taking the list of a trial out of the product is recorded before its first line leaves."""

from datetime import datetime

from accounts.access import Access
from approvals.commands.exports import record_taking
from audit.recorder import Target
from policies.models import Trial


def record_export(*, person: Access, trial: Trial, way: str, at: datetime) -> None:
    """That this person began to export what is behind one number of a trial."""
    target = Target("policy", trial.policy.slug)
    record_taking(person, "policy.export_trial", target, at, trial=trial.pk, way=way)

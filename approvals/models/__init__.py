"""The tables, one subject a module."""

from approvals.models.decision import Choice, Decision, Note, Step
from approvals.models.effect import Attempt, Effect, Purpose, effect_key, first_effect
from approvals.models.erasure import Erasure
from approvals.models.glass import BreakGlass
from approvals.models.idempotency import IdempotencyRecord
from approvals.models.policy import Policy, PolicyVersion
from approvals.models.provider_event import ProviderEvent
from approvals.models.quarantine import Cluster, Quarantine
from approvals.models.queue import Queue, QueueGroupGrant, QueueUserGrant
from approvals.models.rate import ExchangeRate
from approvals.models.request import ENDED, OPEN, ApprovalRequest, State
from approvals.models.saved_view import SavedView
from approvals.models.settlement import Settlement
from approvals.models.system import System
from approvals.models.watch import CauseWatch

__all__ = [
    "ENDED",
    "OPEN",
    "ApprovalRequest",
    "Attempt",
    "BreakGlass",
    "CauseWatch",
    "Choice",
    "Cluster",
    "Decision",
    "Effect",
    "Erasure",
    "ExchangeRate",
    "IdempotencyRecord",
    "Note",
    "Policy",
    "PolicyVersion",
    "ProviderEvent",
    "Purpose",
    "Quarantine",
    "Queue",
    "QueueGroupGrant",
    "QueueUserGrant",
    "SavedView",
    "Settlement",
    "State",
    "Step",
    "System",
    "effect_key",
    "first_effect",
]

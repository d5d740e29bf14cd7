"""A request in a worker's hand: under its lock, with its effect and what else counts at that moment.

Asked for each effect twice, in as few statements as can be, whose text is kept.
"""

from dataclasses import dataclass

from accounts.kept_queries import Kept
from approvals import quarantine
from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, Effect
from audit.prepared import kept_cursor


@dataclass(frozen=True)
class Beside:
    """What counts beside the two rows, as it is once they are locked."""

    stops_sending: bool  # a quarantine is open, or a promotion was not looked at yet
    is_stopped: bool  # its system is held or paused
    calls: int  # attempts of this effect so far
    is_abandoned: bool  # one of them has no end
    is_settling: bool  # there is a finding of a person that waits for a second one
    was_restored: bool  # not a week before it was asked for: it may have been sent before that


def locked(item_id: int) -> tuple[ApprovalRequest | None, Effect | None]:
    """The request, then its effect; both locked until the transaction ends."""
    items, effects = _REQUEST(item=item_id), _EFFECT(item=item_id)
    return (items[0] if items else None), (effects[0] if effects else None)


_REQUEST = Kept(lambda item: ApprovalRequest.objects.select_for_update().filter(pk=item), "item")
_EFFECT = Kept(lambda item: Effect.objects.select_for_update().filter(item=item), "item")


BESIDE = f"""
SELECT
  ({quarantine.STOPS}),
  EXISTS (SELECT FROM approvals_system
    WHERE slug = %(system)s AND (held_at IS NOT NULL OR paused_at IS NOT NULL)),
  calls,
  is_abandoned,
  EXISTS (SELECT FROM approvals_settlement WHERE item_id = %(item)s AND confirmed_at IS NULL),
  EXISTS (SELECT FROM approvals_quarantine WHERE is_open OR released_at > %(lately)s)
FROM (
  SELECT count(*) AS calls, coalesce(bool_or(finished_at IS NULL), false) AS is_abandoned
  FROM approvals_attempt WHERE effect_id = %(effect)s
) AS tried
"""  # noqa: S608 -- our own words


def beside(item: ApprovalRequest, effect: Effect, kind: Kind) -> Beside:
    """To be asked after `locked`: a statement sees what was committed before it began."""
    asked = {
        "effect": effect.pk,
        "item": item.pk,
        "system": kind.system_slug if kind.is_outside else None,
        "lately": item.created_at - quarantine.SENT_AGAIN,
    }
    cursor = kept_cursor()
    cursor.execute(BESIDE, asked)
    return Beside(*cursor.fetchone())

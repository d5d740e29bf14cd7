"""A stateful stand-in for the outside systems: Stripe-shaped refunds and an account service.

It keeps a ledger of every effect on disk, and misbehaves on request (`faults.py`), so that
"never carried out twice" can be checked from outside, also after a crash of either side.
"""

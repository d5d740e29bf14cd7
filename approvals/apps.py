from django.apps import AppConfig
from django.core.checks import register


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "Approvals"

    def ready(self) -> None:
        """Causes and secrets of kinds are known first; what cannot be used, the checks name."""
        from approvals import causes, checks
        from approvals.kinds import loaded
        from audit import masking

        for kind in loaded().kinds:
            causes.bring(kind.causes)
            masking.hide(kind.secrets())
        register(checks.kinds_can_be_used)

    # What the application's login may not do, by right: remove a request, a decision or an effect;
    # change a live policy. Changing what may change is watched by triggers (migration 0002).
    table_rights = {
        "approvals_approvalrequest": "SELECT, INSERT, UPDATE",
        "approvals_step": "SELECT, INSERT, UPDATE",
        "approvals_decision": "SELECT, INSERT, UPDATE (voided_at)",
        "approvals_effect": "SELECT, INSERT, UPDATE",
        "approvals_attempt": "SELECT, INSERT, UPDATE",
        "approvals_note": "SELECT, INSERT",
        "approvals_settlement": "SELECT, INSERT, UPDATE",
        "approvals_policyversion": "SELECT, INSERT",
        "approvals_transition": "SELECT",
        "approvals_exchangerate": "SELECT, INSERT",
        "approvals_quarantine": "SELECT, INSERT, UPDATE",
        "approvals_cluster": "SELECT, INSERT, UPDATE",
    }

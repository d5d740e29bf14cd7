from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "Approvals"

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
    }

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit"

    # What the application's login may do with our tables; everything else is the owner's.
    table_rights = {
        "audit_event": "SELECT, INSERT",
        "audit_stream": "SELECT",
        "audit_leaf": "SELECT, INSERT",
        "audit_node": "SELECT, INSERT",
        "audit_checkpoint": "SELECT, INSERT",
        "audit_copy": "SELECT, INSERT",
        "audit_archive": "SELECT, INSERT",
    }

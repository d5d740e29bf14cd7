from django.apps import AppConfig


class AuditingConfig(AppConfig):
    name = "auditing"
    verbose_name = "Audit pages"

    # A check of the record is finished or given up, never removed.
    table_rights = {"auditing_verificationrun": "SELECT, INSERT, UPDATE"}

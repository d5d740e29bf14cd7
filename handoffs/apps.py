from django.apps import AppConfig


class HandoffsConfig(AppConfig):
    name = "handoffs"
    verbose_name = "Handoffs"

    # A handoff is withdrawn, never removed. The lines of a draft are: it is filled in again.
    table_rights = {"handoffs_handoff": "SELECT, INSERT, UPDATE"}

    def ready(self) -> None:
        from approvals import erasing
        from handoffs.changes import forget

        erasing.ALSO.append(forget)

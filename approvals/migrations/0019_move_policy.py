from django.db import migrations


class Migration(migrations.Migration):
    """Who manages a policy can move a request to its live version (docs/decisions/0025)."""

    dependencies = [("approvals", "0018_policy_reason")]

    operations = [
        migrations.RunSQL(
            "INSERT INTO approvals_transition (verb, source, target)"
            " VALUES ('move_policy', 'pending', 'pending')",
            "DELETE FROM approvals_transition WHERE verb = 'move_policy'",
        ),
    ]

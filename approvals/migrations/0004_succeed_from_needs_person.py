from django.db import migrations


class Migration(migrations.Migration):
    """The provider's word ends a request that needed a person (docs/decisions/0010)."""

    dependencies = [("approvals", "0003_operations")]

    operations = [
        migrations.RunSQL(
            "INSERT INTO approvals_transition (verb, source, target)"
            " VALUES ('succeed', 'needs_person', 'done')",
            "DELETE FROM approvals_transition WHERE verb = 'succeed' AND source = 'needs_person'",
        ),
        migrations.RunSQL(
            "UPDATE approvals_effect SET window_began_at = first_sent_at", migrations.RunSQL.noop
        ),
    ]

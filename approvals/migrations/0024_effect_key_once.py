from django.db import migrations, models


class Migration(migrations.Migration):
    """Beside those who work meanwhile: the index is empty, but the table is read whole."""

    atomic = False

    dependencies = [
        ("approvals", "0023_effect_key"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS request_effect_key"
                    " ON approvals_approvalrequest (effect_key) WHERE effect_key <> ''",
                    "DROP INDEX CONCURRENTLY IF EXISTS request_effect_key",
                )
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="approvalrequest",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("effect_key", ""), _negated=True),
                        fields=("effect_key",),
                        name="request_effect_key",
                    ),
                )
            ],
        )
    ]

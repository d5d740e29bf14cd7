from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0012_forgetting"),
        ("audit", "0007_by_month"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="attempt", name="attempt_number"),
                migrations.AddIndex(
                    model_name="attempt",
                    index=models.Index(fields=["effect", "number"], name="attempt_number"),
                ),
            ],
        ),
    ]

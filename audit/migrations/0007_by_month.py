from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_explorer_indexes"),
        ("webhooks", "0002_event_in_parts"),  # no foreign key can point to events any more
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="event", name="audit_event_place"),
                migrations.AddIndex(
                    model_name="event",
                    index=models.Index(fields=["stream", "seq"], name="audit_event_place"),
                ),
            ],
        ),
    ]

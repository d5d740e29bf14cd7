import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_checkpoints"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["recorded_at", "id"], name="audit_event_newest"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["action", "recorded_at", "id"], name="audit_event_of_action"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["target_type", "recorded_at", "id"], name="audit_event_of_type"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("outcome", "success"), _negated=True),
                fields=["outcome", "recorded_at", "id"],
                name="audit_event_not_done",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("correlation_id", "context"),
                models.F("recorded_at"),
                name="audit_event_interaction",
            ),
        ),
    ]

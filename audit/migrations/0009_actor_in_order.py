from django.db import migrations, models


class Migration(migrations.Migration):
    """With the id in it, the places of a person's events are read from the index alone."""

    dependencies = [
        ("audit", "0008_archives"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["actor_id", "recorded_at", "id"], name="audit_event_of_actor"
            ),
        ),
        migrations.RemoveIndex(
            model_name="event",
            name="audit_event_actor_i_ba0928_idx",
        ),
    ]

from django.db import migrations, models

import audit.models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[  # 0002_append_only.sql made the column
                migrations.AddField(
                    model_name="event",
                    name="xid",
                    field=audit.models.TransactionId(
                        db_default=models.Func(
                            function="pg_current_xact_id", output_field=models.TextField()
                        ),
                        editable=False,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["xid", "id"], name="audit_event_feed"),
        ),
    ]

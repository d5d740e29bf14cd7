from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_feed")]

    operations = [
        migrations.AddField("event", "row", models.JSONField(default=dict)),
        migrations.AddField("event", "private_row", models.JSONField(default=dict)),
        migrations.AddField("event", "salt", models.BinaryField(null=True)),
        migrations.AddField("event", "commitments", models.JSONField(default=dict)),
        migrations.AlterField(
            "event", "schema_version", models.PositiveSmallIntegerField(default=2)
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]

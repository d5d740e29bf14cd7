from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("handoffs", "0003_states"), ("approvals", "0012_forgetting")]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]

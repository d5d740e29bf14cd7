from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0005_provider_event"),
    ]

    operations = [
        migrations.AddField(
            model_name="step",
            name="person_present",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_second_factor")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="held_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]

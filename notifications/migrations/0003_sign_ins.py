from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_begin_now")]

    operations = [
        migrations.AddField(
            model_name="letter",
            name="address",
            field=models.EmailField(blank=True, db_default="", default="", max_length=254),
        ),
        migrations.AlterField(
            model_name="notice",
            name="topic",
            field=models.CharField(
                choices=[
                    ("decisions", "A decision waits for me"),
                    ("mine", "Mine is stuck, came back or was given to me"),
                    ("mentions", "Somebody names me in a note"),
                    ("watched", "Something happens to a request that I watch"),
                    ("shifts", "A handoff or a cover concerns me"),
                    ("causes", "A cause of failures grew past my number"),
                    ("account", "How I sign in changes"),
                ],
                max_length=10,
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_ceilings")]

    operations = [
        migrations.AddField(
            model_name="team",
            name="needs_second_factor",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Its members set up a second factor before they do anything else.",
            ),
        ),
        # Django's cache in the database: what allauth counts wrong passwords and codes in.
        migrations.RunSQL(
            "CREATE UNLOGGED TABLE accounts_cache (cache_key varchar(255) PRIMARY KEY,"
            " value text NOT NULL, expires timestamptz NOT NULL);"
            "CREATE INDEX accounts_cache_expires ON accounts_cache (expires);",
            "DROP TABLE accounts_cache;",
        ),
    ]

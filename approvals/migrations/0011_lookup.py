import django.contrib.postgres.indexes
import django.db.models.fields.json
from django.conf import settings
from django.db import migrations, models

import approvals.models.search


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0010_fewer_rows_read"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(approvals.models.search.SearchKey("ref"), name="request_called_ref"),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                approvals.models.search.SearchKey("ticket"), name="request_called_ticket"
            ),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                approvals.models.search.SearchKey("customer"), name="request_called_customer"
            ),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                approvals.models.search.SearchKey(
                    django.db.models.fields.json.KeyTextTransform("order", "payload")
                ),
                name="request_called_order",
            ),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                approvals.models.search.SearchKey(
                    django.db.models.fields.json.KeyTextTransform("account", "payload")
                ),
                name="request_called_account",
            ),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                approvals.models.search.SearchKey(
                    django.db.models.fields.json.KeyTextTransform("payment", "payload")
                ),
                name="request_called_payment",
            ),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=django.contrib.postgres.indexes.GinIndex(
                approvals.models.search.Words("customer"), name="request_customer_words"
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                approvals.models.search.SearchKey("provider_reference"),
                condition=models.Q(("provider_reference", ""), _negated=True),
                name="attempt_called",
            ),
        ),
        migrations.AddIndex(
            model_name="effect",
            index=models.Index(
                approvals.models.search.SearchKey("provider_reference"),
                condition=models.Q(("provider_reference", ""), _negated=True),
                name="effect_called",
            ),
        ),
    ]

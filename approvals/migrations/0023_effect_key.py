from django.db import migrations, models

GUARD = """
CREATE FUNCTION approvals_refuse_another_effect_key() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%: what its effect is called never changes', OLD.ref
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER approvals_effect_key_stays BEFORE UPDATE OF effect_key ON approvals_approvalrequest
    FOR EACH ROW WHEN (NEW.effect_key IS DISTINCT FROM OLD.effect_key)
    EXECUTE FUNCTION approvals_refuse_another_effect_key();
ALTER TABLE approvals_approvalrequest ENABLE ALWAYS TRIGGER approvals_effect_key_stays;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0022_promotions"),
    ]

    operations = [
        migrations.AddField(
            model_name="approvalrequest",
            name="effect_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.RunSQL(GUARD),
    ]

"""Refuses changes of prices, to their owner too; the function serves every table of `billing` that is insert only.

One statement per RunSQL (docs/adr/0083). SQLSTATE 23001 is restrict_violation.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION public.billing_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows are immutable', TG_OP, TG_TABLE_NAME USING ERRCODE = '23001';
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION public.billing_refuse()"),
        migrations.RunSQL(
            "CREATE TRIGGER frozen_rows BEFORE UPDATE OR DELETE ON public.catalogue_price"
            " FOR EACH ROW EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER frozen_rows ON public.catalogue_price",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER frozen_table BEFORE TRUNCATE ON public.catalogue_price"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER frozen_table ON public.catalogue_price",
        ),
    ]

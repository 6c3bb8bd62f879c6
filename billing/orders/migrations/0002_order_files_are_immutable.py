"""Refuses changes of the files of orders, to their owner too. One statement per RunSQL (docs/adr/0083)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("catalogue", "0002_prices_are_immutable")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER frozen_rows BEFORE UPDATE ON public.orders_orderfile"
            " FOR EACH ROW EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER frozen_rows ON public.orders_orderfile",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER frozen_table BEFORE TRUNCATE ON public.orders_orderfile"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER frozen_table ON public.orders_orderfile",
        ),
    ]

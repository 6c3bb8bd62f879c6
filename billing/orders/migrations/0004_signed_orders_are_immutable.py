"""Refuses changes of signed orders and of their lines, to their owner too. One statement per RunSQL (docs/adr/0083).

The state of a signed order and the instant of its end may change, nothing else.
"""

from django.db import migrations

LATER = "- 'state' - 'ended_at'"


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_order_profession_order_subdomain_signinglink")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER frozen_when_signed BEFORE UPDATE ON public.orders_order FOR EACH ROW"
            " WHEN (OLD.signed_at IS NOT NULL"
            f" AND (to_jsonb(OLD) {LATER}) IS DISTINCT FROM (to_jsonb(NEW) {LATER}))"
            " EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER frozen_when_signed ON public.orders_order",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER kept_when_signed BEFORE DELETE ON public.orders_order FOR EACH ROW"
            " WHEN (OLD.signed_at IS NOT NULL) EXECUTE FUNCTION public.billing_refuse()",
            "DROP TRIGGER kept_when_signed ON public.orders_order",
        ),
        migrations.RunSQL(
            "CREATE FUNCTION public.orders_refuse_signed_lines() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN IF EXISTS (SELECT 1 FROM public.orders_order o WHERE o.id = OLD.order_id"
            " AND o.signed_at IS NOT NULL) THEN RAISE EXCEPTION 'a line of a signed order'"
            " USING ERRCODE = '23001'; END IF; RETURN COALESCE(NEW, OLD); END $$",
            "DROP FUNCTION public.orders_refuse_signed_lines()",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER frozen_when_signed BEFORE UPDATE OR DELETE ON public.orders_orderitem"
            " FOR EACH ROW EXECUTE FUNCTION public.orders_refuse_signed_lines()",
            "DROP TRIGGER frozen_when_signed ON public.orders_orderitem",
        ),
    ]

"""Refuses changes of issued documents, payments and settings, to their owner too (docs/adr/0083).

One statement per RunSQL. A document and its payments may be deleted when ``archive_until`` is past, by the owner
alone: the application has no such right. A series moves by one number only.
"""

from django.db import migrations

UNCHANGED = (
    "invoicing_sellerprofile",
    "invoicing_refrate",
    "invoicing_invoice",
    "invoicing_invoicefile",
    "invoicing_payment",
    "invoicing_allocation",
)
SETTINGS = ("invoicing_sellerprofile", "invoicing_refrate")

ARCHIVE = """
CREATE FUNCTION public.invoicing_refuse_in_archive() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    kept integer;
BEGIN
    IF TG_TABLE_NAME = 'invoicing_allocation' THEN
        SELECT count(*) INTO kept FROM public.invoicing_invoice i JOIN public.invoicing_payment p
            ON p.invoice_id = i.id WHERE p.id = OLD.payment_id AND i.archive_until >= CURRENT_DATE;
    ELSE
        SELECT count(*) INTO kept FROM public.invoicing_invoice i
            WHERE i.id = OLD.invoice_id AND i.archive_until >= CURRENT_DATE;
    END IF;
    IF kept > 0 THEN
        RAISE EXCEPTION 'DELETE of % is refused: the document is archived', TG_TABLE_NAME USING ERRCODE = '23001';
    END IF;
    RETURN OLD;
END $$
"""

OPEN_SERIES = """
CREATE FUNCTION public.invoicing_open_series(wanted integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
INSERT INTO public.invoicing_series (code, last, last_on, head)
SELECT kind || wanted, 0, make_date(wanted, 1, 1), sha256(convert_to(kind || wanted, 'UTF8'))
FROM (VALUES ('F'), ('A')) AS kinds (kind) WHERE wanted BETWEEN 2020 AND 2099
ON CONFLICT (code) DO NOTHING
$$
"""


def _trigger(name, events, table, function="billing_refuse", *, each="ROW", when=""):
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE {events} ON public.{table} FOR EACH {each} {when}"
        f" EXECUTE FUNCTION public.{function}()",
        f"DROP TRIGGER {name} ON public.{table}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("invoicing", "0001_initial"),
        ("catalogue", "0002_prices_are_immutable"),
    ]

    operations = [
        *(_trigger("frozen_update", "UPDATE", table) for table in UNCHANGED),
        *(
            _trigger("frozen_table", "TRUNCATE", table, each="STATEMENT")
            for table in (*UNCHANGED, "invoicing_series")
        ),
        *(_trigger("frozen_delete", "DELETE", table) for table in (*SETTINGS, "invoicing_series")),
        _trigger(
            "frozen_delete",
            "DELETE",
            "invoicing_invoice",
            when="WHEN (OLD.archive_until >= CURRENT_DATE)",
        ),
        migrations.RunSQL(ARCHIVE, "DROP FUNCTION public.invoicing_refuse_in_archive()"),
        *(
            _trigger("frozen_delete", "DELETE", table, "invoicing_refuse_in_archive")
            for table in ("invoicing_invoicefile", "invoicing_payment", "invoicing_allocation")
        ),
        _trigger(
            "series_step",
            "UPDATE",
            "invoicing_series",
            when="WHEN (NEW.last <> OLD.last + 1 OR NEW.last_on < OLD.last_on OR NEW.head = OLD.head"
            " OR NEW.code <> OLD.code OR NEW.id <> OLD.id)",
        ),
        migrations.RunSQL(OPEN_SERIES, "DROP FUNCTION public.invoicing_open_series(integer)"),
    ]

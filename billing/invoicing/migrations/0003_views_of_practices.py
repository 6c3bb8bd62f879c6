"""What a practice may see of billing: views of its own rows only (docs/adr/0084). One statement per RunSQL.

``current_user`` is the role of the practice that reads, although the view has the rights of its owner.
``security_barrier`` keeps a condition of the reader from being evaluated on rows of others.
"""

from django.db import migrations

OWN = " JOIN public.tenants_tenant t ON t.id = c.tenant_id WHERE t.schema_name = CURRENT_USER"

VIEWS = {
    "invoices": (
        "SELECT i.ref, i.number, i.issued_on, i.due_on, i.net, i.tax, i.gross, o.number AS corrects,"
        " i.period_start, i.period_end,"
        " (SELECT coalesce(sum(n.gross), 0) FROM public.invoicing_invoice n WHERE n.corrects_id = i.id) AS credited,"
        " (SELECT coalesce(sum(p.amount), 0) FROM public.invoicing_payment p WHERE p.invoice_id = i.id) AS paid"
        " FROM public.invoicing_invoice i LEFT JOIN public.invoicing_invoice o ON o.id = i.corrects_id"
        " JOIN public.clients_client c ON c.ref = i.client_ref"
    ),
    "invoice_files": (
        "SELECT i.ref AS invoice_ref, f.kind, f.data FROM public.invoicing_invoicefile f"
        " JOIN public.invoicing_invoice i ON i.id = f.invoice_id"
        " JOIN public.clients_client c ON c.ref = i.client_ref"
    ),
    "subscription": (
        "SELECT s.ref, o.number AS order_number, o.version AS order_version, o.state AS order_state, o.signed_at,"
        " s.starts_on, s.anchor_day, s.rhythm, s.ends_on FROM public.orders_subscription s"
        " JOIN public.orders_order o ON o.id = s.order_id JOIN public.clients_client c ON c.id = o.client_id"
    ),
    "subscription_items": (
        "SELECT s.ref AS subscription_ref, x.id, x.name, x.quantity, x.unit_price, x.starts_on, x.ends_on"
        " FROM public.orders_subscriptionitem x JOIN public.orders_subscription s ON s.id = x.subscription_id"
        " JOIN public.orders_order o ON o.id = s.order_id JOIN public.clients_client c ON c.id = o.client_id"
    ),
}


class Migration(migrations.Migration):
    dependencies = [
        ("invoicing", "0002_documents_are_immutable"),
        ("orders", "0001_initial"),
        ("clients", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL("CREATE SCHEMA for_tenants", "DROP SCHEMA for_tenants"),
        *(
            migrations.RunSQL(
                f"CREATE VIEW for_tenants.{name} WITH (security_barrier) AS {query}{OWN}",
                f"DROP VIEW for_tenants.{name}",
            )
            for name, query in VIEWS.items()
        ),
    ]

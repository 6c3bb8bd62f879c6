"""What a practice may see of its signed orders: views of its own rows only (docs/adr/0084)."""

from django.db import migrations

OWN = " JOIN public.tenants_tenant t ON t.id = c.tenant_id WHERE t.schema_name = CURRENT_USER"
SIGNED = " AND o.signed_at IS NOT NULL"

VIEWS = {
    "orders": (
        "SELECT o.ref, o.number, o.version, o.state, o.signed_at, o.ended_at, o.withdrawal_until, o.snapshot"
        " FROM public.orders_order o JOIN public.clients_client c ON c.id = o.client_id"
    ),
    "order_files": (
        "SELECT o.ref AS order_ref, f.kind, f.data FROM public.orders_orderfile f"
        " JOIN public.orders_order o ON o.id = f.order_id JOIN public.clients_client c ON c.id = o.client_id"
    ),
}


class Migration(migrations.Migration):
    dependencies = [
        ("invoicing", "0003_views_of_practices"),
        ("orders", "0002_order_files_are_immutable"),
    ]

    operations = [
        migrations.RunSQL(
            f"CREATE VIEW for_tenants.{name} WITH (security_barrier) AS {query}{OWN}{SIGNED}",
            f"DROP VIEW for_tenants.{name}",
        )
        for name, query in VIEWS.items()
    ]

"""What a practice shows of its client's file: a view of its own row only (docs/adr/0087). One statement per RunSQL.

A row appears once staff have confirmed the territory, which needs an establishment and numbers that agree.
"""

from django.db import migrations

VIEW = """
CREATE VIEW for_tenants.client_identity WITH (security_barrier) AS
SELECT c.legal_name, c.is_sole_trader, c.legal_form, c.siren, c.vat_number, a.street, a.building, a.postcode,
    a.town, greatest(c.territory_confirmed_at, c.identity_changed_at) AS changed_at
FROM public.clients_client c
JOIN public.clients_clientaddress a ON a.client_id = c.id AND a.kind = 'establishment'
JOIN public.tenants_tenant t ON t.id = c.tenant_id
WHERE c.territory_confirmed_at IS NOT NULL AND t.schema_name = CURRENT_USER
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0002_client_identity_changed_at"),
        ("invoicing", "0003_views_of_practices"),  # makes the schema of the views
    ]

    operations = [migrations.RunSQL(VIEW, "DROP VIEW for_tenants.client_identity")]

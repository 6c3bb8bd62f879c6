"""Prints the e-mail address of each contact of a practice, as the product reads it: JSON, ref -> address or ""."""

import json
import sys

import django


def read(schema: str) -> dict[str, str]:
    """Return the addresses by the appointment's reference; "" for a contact that cannot be opened."""
    from booking.models import PatientContact
    from booking.patients import contacts
    from tenants.schema import inside, tenant_unit

    with inside(tenant_unit(schema)):
        rows = list(PatientContact.objects.select_related("data_key", "appointment"))
        people = contacts.open_contacts(rows)
        return {
            row.appointment.ref.hex: getattr(people.get(row.appointment_id), "email", "")
            for row in rows
        }


if __name__ == "__main__":
    django.setup()
    print(json.dumps(read(sys.argv[1])))

"""Prints, as JSON, the address of each contact of a practice as the product reads it: ref -> address or ""."""

import json
import sys

import django

django.setup()

from booking.models import PatientContact  # noqa: E402  # the apps must be ready
from booking.services import contacts  # noqa: E402
from tenants.schema import inside, tenant_unit  # noqa: E402


def read(schema: str) -> dict[str, str]:
    """Return what can still be opened; what cannot be is empty."""
    with inside(tenant_unit(schema)):
        rows = list(PatientContact.objects.select_related("data_key", "appointment"))
        people = contacts.open_contacts(rows)
        return {
            row.appointment.ref.hex: getattr(people.get(row.appointment_id), "email", "")
            for row in rows
        }


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1])))

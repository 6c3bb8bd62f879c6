"""Opening a long agenda: 1,000 contacts, each under its own key, through the product's own path.

Beside it, on the same bytes: the bare calls of ``cryptography`` that unwrap each key and open each blob,
and the same people sealed field by field with Fernet, as packages for Django do.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.rounds import alternate, milliseconds, ratio
from tests.proofs.counter import print_line
from tests.proofs.environment import open_environment

NAME = "agenda"
CONTACTS = 1_000
MOST_TO_LIMIT = 2.0
LEAST_TO_PEER = 4.0
FIELDS = ("first_name", "last_name", "phone", "email")


def _person(number: int) -> Any:
    from booking.rules.persons import Person

    return Person(
        first_name=f"Camille{number}",
        last_name="Spécimen",
        phone=f"+336399{number:05}",
        email=f"camille{number}@example.org",
    )


def _store(cabinet: Any, now: datetime) -> None:
    """Store the contacts as a booking does, a quarter of an hour apart."""
    from booking.models import Appointment
    from booking.patients import contacts

    for number in range(CONTACTS):
        starts_at = now + timedelta(days=1, minutes=15 * number)
        ends_at = starts_at + timedelta(minutes=15)
        appointment = Appointment.objects.create(
            practitioner=cabinet.practitioner,
            location=cabinet.location,
            appointment_type=cabinet.type,
            status=Appointment.Status.BOOKED,
            starts_at=starts_at,
            ends_at=ends_at,
            during=(starts_at, ends_at),
            booked_at=now,
        )
        person = _person(number)
        contacts.store(
            appointment=appointment,
            person=person,
            indexes=contacts.indexes_of(person),
            retention_days=357,
            erase_at=ends_at,
            now=now,
        )


def _read() -> list[Any]:
    from booking.models import PatientContact

    return list(PatientContact.objects.select_related("data_key").order_by("pk"))


def _bare(rows: Sequence[Any]) -> Any:
    """Return the bare work on the stored bytes; tenant cipher and associated data are made beforehand."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from booking.patients import contacts
    from tenants.keyring import cipher
    from tenants.keyring.services import tenant_cipher

    tenant = tenant_cipher()
    place = cipher.associated_prefix(tenant.schema, contacts.TABLE)
    prepared = [
        (
            row.data_key.wrapped,
            tenant.key_prefix + row.data_key.ref.bytes,
            row.sealed,
            place + row.ref.bytes,
        )
        for row in rows
    ]
    unwrap = tenant.wrapper.decrypt

    def work() -> list[bytes]:
        return [
            AESGCM(unwrap(key[:12], key[12:], where)).decrypt(sealed[:12], sealed[12:], own_where)
            for key, where, sealed, own_where in prepared
        ]

    return work


def _fernet(people: Sequence[Any]) -> Any:
    from cryptography.fernet import Fernet

    fernet = Fernet(Fernet.generate_key())
    rows = [
        [fernet.encrypt(str(asdict(person)[name]).encode()) for name in FIELDS] for person in people
    ]

    def work() -> list[list[str]]:
        return [[fernet.decrypt(token).decode() for token in row] for row in rows]

    return work


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    now = datetime.now(UTC).replace(microsecond=0)
    with open_environment() as environment:
        unit = environment.add_tenant("agenda.lib-rdv.localhost")
        from booking.patients import contacts
        from tenants.schema import inside
        from tests.factories import Cabinet

        with inside(unit):
            _store(Cabinet(), now)
            rows = _read()
            people = list(contacts.open_contacts(rows).values())
            right = people == [_person(number) for number in range(CONTACTS)]
            works = {
                "ours": lambda: contacts.open_contacts(rows),
                "bare": _bare(rows),
                "fernet": _fernet(people),
            }
            alternate(3, **works)
            seconds = alternate(9 if short else 60, **works)
            with_rows = alternate(9 if short else 30, page=lambda: contacts.open_contacts(_read()))
    to_limit = ratio(seconds["ours"], seconds["bare"])
    to_peer = ratio(seconds["fernet"], seconds["ours"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        "ratio_to_peer": round(to_peer, 2),
        "contacts": len(people),
        "ms": milliseconds(seconds["ours"]),
        "ms_bare": milliseconds(seconds["bare"]),
        "ms_fernet": milliseconds(seconds["fernet"]),
        "ms_with_query": milliseconds(with_rows["page"]),
        "rounds": len(seconds["ours"]),
        "ok": right and to_limit <= MOST_TO_LIMIT and to_peer >= LEAST_TO_PEER,
    }


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))

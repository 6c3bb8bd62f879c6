"""The person of an entry of the waiting list: sealed under a key of its own, opened, erased."""

from collections.abc import Container, Sequence
from datetime import datetime

from booking import kinds
from booking.models import WaitingEntry
from booking.persons import Person
from tenants import ledger
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.outbox.services import settle_all
from tenants.schema import current_schema
from tenants.trail import receipts

TABLE = WaitingEntry._meta.db_table
FIELDS = ",".join(WaitingEntry.personal_data.personal)


def seal(entry: WaitingEntry, person: Person) -> None:
    """Put the person into the entry, under the entry's key."""
    if entry.data_key is None:
        raise KeyDestroyedError
    entry.sealed = keyring.seal(
        key=entry.data_key, data=person.to_bytes(), table=TABLE, ref=entry.ref
    )


def open_entry(entry: WaitingEntry) -> Person | None:
    """Return the person, or None when the key is destroyed or the bytes belong elsewhere."""
    try:
        opened = keyring.open_sealed(
            key=entry.data_key, sealed=entry.sealed, table=TABLE, ref=entry.ref
        )
    except (KeyDestroyedError, UnreadableError):
        return None
    return Person.from_bytes(opened)


def open_entries(entries: Sequence[WaitingEntry]) -> dict[int, Person]:
    """Open many at once: entry key -> person; rows that do not open are left out."""
    opened = keyring.open_many(
        table=TABLE, rows=((entry.data_key, entry.sealed, entry.ref) for entry in entries)
    )
    return {
        entry.pk: Person.from_bytes(data)
        for entry, data in zip(entries, opened, strict=True)
        if data is not None
    }


def erase(entries: Sequence[WaitingEntry], *, rule: str, now: datetime) -> int:
    """Erase people of the list: ledger lines, keys destroyed, rows deleted, receipts; return how many.

    Open offers must have ended: the database refuses otherwise. Call it last, for the receipts' chain
    has one writer at a time.
    """
    if not entries:
        return 0
    ledger.append_many(table=TABLE, refs=[entry.ref for entry in entries], now=now)
    fingerprints = keyring.destroy_many(keys=[entry.data_key for entry in entries])
    keys = [entry.pk for entry in entries]
    settle_all(object_ids=keys, kinds=kinds.OF_AN_ENTRY, reason="erased", now=now)
    WaitingEntry.objects.filter(pk__in=keys).delete()
    receipts.write_many(
        subjects=[
            (entry.ref, fingerprint.hex())
            for entry, fingerprint in zip(entries, fingerprints, strict=True)
        ],
        kind=TABLE,
        rule=rule,
        fields=FIELDS,
        now=now,
    )
    return len(entries)


def those_in(hashes: Container[str]) -> list[WaitingEntry]:
    """Return the entries whose hash stands in the erasure ledger: what a restored backup brought back."""
    schema = current_schema()
    return [
        entry
        for entry in WaitingEntry.objects.select_related("data_key")
        if ledger.ref_hash(schema=schema, table=TABLE, ref=entry.ref) in hashes
    ]

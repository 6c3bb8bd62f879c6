"""The person of a WaitingEntry: sealed under a data key of its own, opened and erased."""

from collections.abc import Container, Sequence
from datetime import datetime

from booking.models import WaitingEntry
from booking.rules import kinds
from booking.rules.persons import Person
from tenants import erasure_ledger
from tenants.audit import receipts
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.outbox.services import cancel_pending
from tenants.schema import current_schema

TABLE = WaitingEntry._meta.db_table
FIELDS = ",".join(WaitingEntry.personal_data.personal)


def seal(entry: WaitingEntry, person: Person) -> None:
    """Seal the person into the entry, without saving. Raises KeyDestroyedError when the entry has no key."""
    if entry.data_key is None:
        raise KeyDestroyedError
    entry.sealed = keyring.seal(
        key=entry.data_key, data=person.to_bytes(), table=TABLE, ref=entry.ref
    )


def open_entry(entry: WaitingEntry) -> Person | None:
    """Return the person, or None when the key is destroyed or the bytes were sealed for another row."""
    try:
        opened = keyring.open_sealed(
            key=entry.data_key, sealed=entry.sealed, table=TABLE, ref=entry.ref
        )
    except (KeyDestroyedError, UnreadableError):
        return None
    return Person.from_bytes(opened)


def open_entries(entries: Sequence[WaitingEntry]) -> dict[int, Person]:
    """Return the persons by key of the entry; entries that cannot be opened are left out."""
    opened = keyring.open_many(
        table=TABLE, rows=((entry.data_key, entry.sealed, entry.ref) for entry in entries)
    )
    return {
        entry.pk: Person.from_bytes(data)
        for entry, data in zip(entries, opened, strict=True)
        if data is not None
    }


def erase(entries: Sequence[WaitingEntry], *, rule: str, now: datetime) -> int:
    """Erase the persons of entries and return their number: ledger lines, keys, rows, receipts.

    End their open offers before: a constraint refuses the deletion otherwise. Call it last, because the chain of
    the receipts has one writer at a time.
    """
    if not entries:
        return 0
    erasure_ledger.append_many(table=TABLE, refs=[entry.ref for entry in entries], now=now)
    fingerprints = keyring.destroy_many(keys=[entry.data_key for entry in entries])
    keys = [entry.pk for entry in entries]
    cancel_pending(subject_ids=keys, kinds=kinds.OF_AN_ENTRY, reason="erased", now=now)
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


def entries_in(hashes: Container[str]) -> list[WaitingEntry]:
    """Return the entries whose hash is in the erasure ledger: a restored backup contains them again."""
    schema = current_schema()
    return [
        entry
        for entry in WaitingEntry.objects.select_related("data_key")
        if erasure_ledger.ref_hash(schema=schema, table=TABLE, ref=entry.ref) in hashes
    ]

"""A full read of a calendar, after Google has expired the sync token, finds each difference and no other."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.fake_google import FakeGoogle
from tests.proofs.google_practice import GooglePractice, LinkedAgenda, compare

_PER_TRANSACTION = 50


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class FullRead:
    """One agenda with many events; this process does all the work, no worker runs."""

    practice: GooglePractice
    fake_google: FakeGoogle
    counter: CaseCounter

    @property
    def agenda(self) -> LinkedAgenda:
        """The only agenda of the practice."""
        return self.practice.agendas[0]

    def play(self, *, events: int, edits: int) -> dict[str, Any]:
        """Fill the calendar, expire the token, edit events, expire the token again, restore the events."""
        names = self._fill(events)
        self._write()
        self._expire_the_token()
        found = self._states()
        case = ("nothing was edited", events)
        self.counter.count("resync", case, failed=bool(found), seen=len(found))
        moved, deleted = self._edit(edits)
        self._expire_the_token()
        found = self._states()
        for pk, state in (*((pk, "moved") for pk in moved), *((pk, "deleted") for pk in deleted)):
            seen = found.pop(pk, "not seen")
            self.counter.count(f"resync: {state}", (pk,), failed=seen != state, seen=seen)
        case = ("no other difference", events)
        self.counter.count("resync", case, failed=bool(found), seen=len(found))
        self._restore()
        compared = compare(self.practice, self.fake_google, names, self.counter, name="resync")
        return {"events": len(names), "edits": len(moved) + len(deleted), **compared.as_dict()}

    def _fill(self, many: int) -> Mapping[uuid.UUID, tuple[str, str, str]]:
        """Book as a secretary, many in one transaction."""
        from booking.appointments.book import book_by_staff
        from booking.scheduling.slots import SlotSelection
        from tenants.schema import inside
        from tests.factories import make_person

        typed = ("Camille", "Spécimen", "+33639980104")
        practice, agenda = self.practice, self.agenda
        names = {}
        for start in range(0, many, _PER_TRANSACTION):
            with inside(practice.unit):
                for _ in range(min(_PER_TRANSACTION, many - start)):
                    place, appointment_type = practice.place.pk, practice.appointment_type.pk
                    booked = book_by_staff(
                        selection=SlotSelection(
                            agenda.practitioner.pk, place, appointment_type, next(agenda.starts)
                        ),
                        form_ref=uuid.uuid4(),
                        person=make_person(email=""),
                        actor="system",
                        now=_clock(),
                    )
                    names[booked.ref] = typed
        return names

    def _write(self) -> None:
        from booking.google import push

        account = self.agenda.account_id
        while self._waiting():
            push.write_all(unit=self.practice.unit, account_id=account, clock=_clock)

    def _waiting(self) -> bool:
        from booking.google import push

        return push._is_waiting(self.practice.unit, self.agenda.account_id)

    def _expire_the_token(self) -> None:
        """Expire the token, so that Google answers 410, and poll."""
        from booking.google import polls
        from tenants.schema import inside

        self.fake_google.command("sync-tokens/expire")
        account = self.agenda.account_id
        with inside(self.practice.unit):
            polls.request_poll(account_id=account, now=_clock())
        if not polls.poll(unit=self.practice.unit, account_id=account, clock=_clock):
            raise RuntimeError("the account could not be polled")

    def _states(self) -> dict[int, str]:
        """Return the state of the appointments whose event differs in Google, as the product sees it."""
        from booking.google.differences import differing
        from tenants.schema import inside

        with inside(self.practice.unit):
            ids = [self.agenda.practitioner.pk]
            found = differing(practitioner_ids=ids, now=_clock())
            return {entry.appointment_id: entry.state for entry in found}

    def _edit(self, many: int) -> tuple[Sequence[int], Sequence[int]]:
        """Move some events and delete as many, as the practitioner; return the keys of their appointments."""
        from booking.models import Appointment
        from tenants.schema import inside

        with inside(self.practice.unit):
            rows = list(Appointment.objects.order_by("starts_at"))
        chosen = rows[:: max(1, len(rows) // (2 * many))][: 2 * many]
        calendar = self.practice.calendar(self.agenda)
        by_start = {
            datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC): event["id"]
            for event in self.fake_google.events(self.agenda.address)[calendar]
        }
        moved, deleted = chosen[::2], chosen[1::2]
        for row in moved:
            later = row.starts_at + timedelta(days=400)
            self.fake_google.move(self.agenda.address, calendar, by_start[row.starts_at], later)
        for row in deleted:
            self.fake_google.delete(self.agenda.address, calendar, by_start[row.starts_at])
        return [row.pk for row in moved], [row.pk for row in deleted]

    def _restore(self) -> None:
        """Write the differing events again, as the practitioner's button does."""
        from booking.google.differences import differing, restore
        from tenants.schema import inside

        with inside(self.practice.unit):
            ids = [self.agenda.practitioner.pk]
            for entry in differing(practitioner_ids=ids, now=_clock()):
                restore(entry=entry, actor="system", now=_clock())
        self._write()

"""A calendar that is read whole after Google has forgotten the token: every difference is found, and no other."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.proofs.double import Double
from tests.proofs.google_practice import Agenda, Practice, compare
from tests.proofs.tally import Tally

_PER_TRANSACTION = 50


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Resync:
    """One agenda with many events, all of it done by this process: no worker runs."""

    practice: Practice
    double: Double
    tally: Tally

    @property
    def agenda(self) -> Agenda:
        """The only one."""
        return self.practice.agendas[0]

    def play(self, *, events: int, edits: int) -> dict[str, Any]:
        """Fill the calendar, lose the token, edit, lose it again, put everything back."""
        names = self._fill(events)
        self._write()
        self._lose_the_token()
        found = self._states()
        case = ("nothing was edited", events)
        self.tally.count("resync", case, failed=bool(found), seen=len(found))
        moved, deleted = self._edit(edits)
        self._lose_the_token()
        found = self._states()
        for pk, state in (*((pk, "moved") for pk in moved), *((pk, "deleted") for pk in deleted)):
            seen = found.pop(pk, "not seen")
            self.tally.count(f"resync: {state}", (pk,), failed=seen != state, seen=seen)
        case = ("no other difference", events)
        self.tally.count("resync", case, failed=bool(found), seen=len(found))
        self._restore()
        compared = compare(self.practice, self.double, names, self.tally, name="resync")
        return {"events": len(names), "edits": len(moved) + len(deleted), **compared.as_dict()}

    def _fill(self, many: int) -> Mapping[uuid.UUID, tuple[str, str, str]]:
        """Book by hand, as fast as it goes."""
        from booking.services.appointments import book_by_staff
        from booking.services.choice import Choice
        from tenants.schema import inside
        from tests.factories import make_person

        typed = ("Camille", "Spécimen", "+33639980104")
        practice, agenda = self.practice, self.agenda
        names = {}
        for start in range(0, many, _PER_TRANSACTION):
            with inside(practice.unit):
                for _ in range(min(_PER_TRANSACTION, many - start)):
                    place, motif = practice.place.pk, practice.motif.pk
                    booked = book_by_staff(
                        choice=Choice(agenda.practitioner.pk, place, motif, next(agenda.starts)),
                        form_ref=uuid.uuid4(),
                        person=make_person(email=""),
                        actor="system",
                        now=_clock(),
                    )
                    names[booked.ref] = typed
        return names

    def _write(self) -> None:
        from booking.services.google import writing

        account = self.agenda.account_id
        while self._waiting():
            writing.write_all(unit=self.practice.unit, account_id=account, clock=_clock)

    def _waiting(self) -> bool:
        from booking.services.google import writing

        return writing._is_waiting(self.practice.unit, self.agenda.account_id)

    def _lose_the_token(self) -> None:
        """Let Google answer 410, and look."""
        from booking.services.google import polling
        from tenants.schema import inside

        self.double.order("sync-tokens/expire")
        account = self.agenda.account_id
        with inside(self.practice.unit):
            polling.ask_soon(account_id=account, now=_clock())
        if not polling.poll(unit=self.practice.unit, account_id=account, clock=_clock):
            raise RuntimeError("the account could not be looked after")

    def _states(self) -> dict[int, str]:
        """Return the appointments that are said to stand otherwise in Google."""
        from booking.services.google.differences import differing
        from tenants.schema import inside

        with inside(self.practice.unit):
            ids = [self.agenda.practitioner.pk]
            found = differing(practitioner_ids=ids, now=_clock())
            return {entry.appointment_id: entry.state for entry in found}

    def _edit(self, many: int) -> tuple[Sequence[int], Sequence[int]]:
        """Act as the practitioner: move some, delete as many; return whose events."""
        from booking.models import Appointment
        from tenants.schema import inside

        with inside(self.practice.unit):
            rows = list(Appointment.objects.order_by("starts_at"))
        chosen = rows[:: max(1, len(rows) // (2 * many))][: 2 * many]
        calendar = self.practice.calendar(self.agenda)
        by_start = {
            datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC): event["id"]
            for event in self.double.events(self.agenda.address)[calendar]
        }
        moved, deleted = chosen[::2], chosen[1::2]
        for row in moved:
            later = row.starts_at + timedelta(days=400)
            self.double.move(self.agenda.address, calendar, by_start[row.starts_at], later)
        for row in deleted:
            self.double.delete(self.agenda.address, calendar, by_start[row.starts_at])
        return [row.pk for row in moved], [row.pk for row in deleted]

    def _restore(self) -> None:
        """Press the button that writes them again as lib-rdv has them."""
        from booking.services.google.differences import differing, restore
        from tenants.schema import inside

        with inside(self.practice.unit):
            ids = [self.agenda.practitioner.pk]
            for entry in differing(practitioner_ids=ids, now=_clock()):
                restore(entry=entry, actor="system", now=_clock())
        self._write()

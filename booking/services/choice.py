"""A chosen slot, and what the practice says of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking.errors import SlotTaken
from booking.models import Appointment, AppointmentType, Location, Practitioner
from booking.queries import free_slots


@dataclass(frozen=True)
class Choice:
    """What a slot button says: who, where, what for, and the shown start (an aware instant).

    ``placed`` has its rows, when whoever made the choice has just read them.
    """

    practitioner_id: int
    location_id: int
    appointment_type_id: int
    starts_at: datetime
    placed: "Placed | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Placed:
    """A choice with its rows: knows the shown times and the time that is occupied, all in UTC.

    Whatever zone the start came in: lengths and margins are real time, and on the nights when clocks move
    a wall clock would add others (B-11).
    """

    practitioner: Practitioner
    location: Location
    appointment_type: AppointmentType
    starts_at: datetime
    length: timedelta | None = None
    """How long, when it is not the motif's own duration."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))

    @property
    def choice(self) -> Choice:
        """The choice of these rows, which carries them."""
        return Choice(
            practitioner_id=self.practitioner.pk,
            location_id=self.location.pk,
            appointment_type_id=self.appointment_type.pk,
            starts_at=self.starts_at,
            placed=self,
        )

    @property
    def ends_at(self) -> datetime:
        """The shown end."""
        own = timedelta(minutes=self.appointment_type.duration_min)
        return self.starts_at + (self.length or own)

    @property
    def occupied(self) -> tuple[datetime, datetime]:
        """The occupied interval [start, end), margins included."""
        before = timedelta(minutes=self.appointment_type.buffer_before_min)
        after = timedelta(minutes=self.appointment_type.buffer_after_min)
        return self.starts_at - before, self.ends_at + after

    @property
    def during(self) -> DateTimeTZRange:
        """The occupied interval as PostgreSQL writes it."""
        return DateTimeTZRange(*self.occupied, bounds="[)")


def placed_of(appointment: Appointment) -> Placed:
    """Return where an appointment or a hold, read with its rows, stands."""
    return Placed(
        appointment.practitioner,
        appointment.location,
        appointment.appointment_type,
        appointment.starts_at,
    )


def choice_of(appointment: Appointment) -> Choice:
    """Return the choice that an appointment or a hold, read with its rows, stands for."""
    return placed_of(appointment).choice


def place(choice: Choice, *, online: bool) -> Placed:
    """Return the choice with its rows; SlotTaken when the practice no longer offers this combination."""
    if choice.placed is not None:
        if online and choice.placed.appointment_type.channel != AppointmentType.Channel.ONLINE:
            raise SlotTaken
        return choice.placed
    types = AppointmentType.objects.filter(
        pk=choice.appointment_type_id,
        is_active=True,
        practitioners=choice.practitioner_id,
        locations=choice.location_id,
    )
    if online:
        types = types.filter(channel=AppointmentType.Channel.ONLINE)
    appointment_type = types.first()
    practitioner = Practitioner.objects.filter(pk=choice.practitioner_id, is_active=True).first()
    location = Location.objects.filter(pk=choice.location_id, is_active=True).first()
    if appointment_type is None or practitioner is None or location is None:
        raise SlotTaken
    return Placed(practitioner, location, appointment_type, choice.starts_at)


def is_offered(placed: Placed, *, now: datetime, ignore_appointment: int | None = None) -> bool:
    """Return whether the slot is among the free ones at this moment, by the code that shows them."""
    on = placed.starts_at.astimezone(ZoneInfo(placed.location.time_zone)).date()
    slots = free_slots(
        appointment_type=placed.appointment_type,
        practitioners=[placed.practitioner.pk],
        location=placed.location,
        from_on=on,
        until_on=on,
        now=now,
        ignore_appointment=ignore_appointment,
    )
    return any(slot.starts_at == placed.starts_at for slot in slots)

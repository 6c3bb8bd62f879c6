"""Proof: one slot, one appointment, whoever wants it and by whichever door (security.md R1).

Every service that can make a row occupy time is raced over HTTP, against at least two server processes:
patients who hold and book, patients whose hold is gone, double clicks, secretaries, moves by link and by
hand between two agendas in both directions, appointments made longer, marks of cancelled ones, slots
freed for the waiting list and accepted by link, slots offered by hand. Intervals are equal and unequal
(30 minutes against 45 with margins) and all of one slot contain the same instant, so that exactly one may
win. Beside it stands only what was asked to stand over it, and says so.
"""

from dataclasses import dataclass
from typing import Any

from tests.proofs.sabotage import Guard
from tests.proofs.stage import set_stage
from tests.proofs.tally import Tally

PROOF = "race"
RACED = (
    "hold_slot", "book", "book_by_staff", "move", "mark", "resize", "offer_freed", "offer_by_hand", "book_held",
)  # fmt: skip
"""The services that the attempts go through; a test compares them with booking's own register."""
SLOTS, LOCKS, FLOOD, PERSON = "slots", "locks", "flood", "person"
SECTIONS = (SLOTS, LOCKS, FLOOD, PERSON)


def _no_constraint(stage: Any, world: Any) -> None:
    stage.owner(
        f'ALTER TABLE "{world.schema}".booking_appointment DROP CONSTRAINT appointment_no_overlap'
    )


def _replace(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


def _extras_unseen() -> None:
    from booking.services import appointments, holds, resizing

    for module in (appointments, holds, resizing):
        _replace(module, "stands_over", lambda **where: where["over"])


def _no_lock() -> None:
    from booking.services import accepting, appointments, holds, offering, resizing

    for module in (appointments, holds, offering, accepting, resizing):
        _replace(module, "lock_practitioners", lambda _ids: None)


def _conflicts_unknown() -> None:
    from booking.services import holds

    _replace(holds, "_CONFLICTS", ())


def _expired_holds_stay() -> None:
    from booking.services import appointments, holds, offering, resizing

    for module in (appointments, holds, offering, resizing):
        _replace(module, "drop_expired_holds", lambda **_where: 0)


def _forms_forgotten() -> None:
    from booking.services import appointments, holds

    for module in (appointments, holds):
        _replace(module, "of_form", lambda _ref: None)
        _replace(module, "of_form_if_any", lambda _ref: None)


def _stale_rows() -> None:
    from booking.services import appointments

    _replace(appointments, "_reload", lambda appointment: appointment)


def _holds_without_limit() -> None:
    from booking.services import holds

    _replace(holds, "HOLDS_PER_NETWORK", 1_000_000)


def _bookings_without_limit() -> None:
    from booking.services import appointments

    _replace(appointments, "_check_open_bookings", lambda _indexes, **_rest: None)


GUARDS: dict[str, Guard] = {
    "constraint": Guard("no two rows overlap", (SLOTS,), database=_no_constraint),
    "extras": Guard("only what meets another is extra", (SLOTS,), process=_extras_unseen),
    "lock": Guard("the agenda is locked first", (LOCKS,), process=_no_lock),
    "taken": Guard("23P01 and 40P01 mean taken", (SLOTS,), process=_conflicts_unknown),
    "expired_holds": Guard("expired holds are deleted", (SLOTS,), process=_expired_holds_stay),
    "idempotency": Guard("a form books once", (SLOTS,), process=_forms_forgotten),
    "reload": Guard("rows are read again under the lock", (LOCKS,), process=_stale_rows),
    "hold_limit": Guard("three holds per network", (FLOOD,), process=_holds_without_limit),
    "person_limit": Guard("three bookings per person", (PERSON,), process=_bookings_without_limit),
}


@dataclass(frozen=True)
class Size:
    """How much is asked of one run."""

    short: bool
    sabotage: str | None


def _slots(rounds: Any, course: Any, size: Size) -> dict[str, Any]:
    rounds.double_clicks(course)
    rounds.extras(course, slots=4 if size.short else 12)
    if size.short and size.sabotage:
        # Four slots, two of them with a dead hold, show what eight show.
        return dict(rounds.slots(course, clients=16, slots=4))
    if size.short:
        return dict(rounds.slots(course, clients=16, slots=8))
    crowd: dict[str, Any] = rounds.slots(course, clients=200, slots=50)
    return {**crowd, **rounds.slots(course, clients=50, slots=20, is_timed=True)}


def _locks(rounds: Any, course: Any, size: Size) -> dict[str, Any]:
    rounds.locks(course)
    return {}


def _flood(rounds: Any, course: Any, size: Size) -> dict[str, Any]:
    return dict(rounds.flood(course, short=size.short))


def _person(rounds: Any, course: Any, size: Size) -> dict[str, Any]:
    rounds.one_person(course, clients=12)
    return {}


_PARTS = {SLOTS: _slots, LOCKS: _locks, FLOOD: _flood, PERSON: _person}


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof, or with ``sabotage`` the part in which that guard stands."""
    guard = GUARDS[sabotage] if sabotage else None
    sections = guard.sections if guard else SECTIONS
    tally = Tally(sabotage)
    figures: dict[str, Any] = {}
    with set_stage() as stage, stage.serve(proof=PROOF, sabotage=sabotage, workers=2) as served:
        from tests.proofs import race_rounds as rounds

        course = rounds.Course(stage, tally, served)
        if guard:
            guard.remove_from_database(stage, course)
        for section in sections:
            figures |= _PARTS[section](rounds, course, Size(short, sabotage))
        figures |= course.judge()
        if tally.failed:
            stage.show_logs()
    return tally.report(PROOF, sabotage=sabotage, short=short, **figures)

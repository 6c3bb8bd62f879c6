"""Proof: a slot is booked once, whichever requests compete for it (B-13).

Each service that can make a row occupy time is called over HTTP, by many clients at once, against at least two
server processes: patients with a hold and after its end, double clicks, secretaries, moves by link and by hand
between two agendas in both directions, longer appointments, attendance marks on cancelled appointments, slots that
a cancellation frees for the waiting list and that are accepted by link, slots that a secretary offers. The
intervals differ (30 minutes, and 45 with margins); all intervals of one slot contain the same instant, so that
exactly one request may win. Only an appointment that a secretary overbooks explicitly may stand beside the winner.
"""

from dataclasses import dataclass
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import open_environment
from tests.proofs.guards import Guard, replace, wrap

PROOF = "race"
RACED = (
    "hold_slot", "book", "book_by_staff", "move", "mark", "resize", "offer_freed", "offer_by_hand", "book_held",
)  # fmt: skip
"""The services that the requests reach; a test compares them with the register of occupying services."""
SLOTS, LOCKS, FLOOD, PERSON = "slots", "locks", "flood", "person"
SECTIONS = (SLOTS, LOCKS, FLOOD, PERSON)


# --- The guards -----------------------------------------------------------------------------------


def _delete_the_constraint(environment: Any, race: Any) -> None:
    environment.owner(
        f'ALTER TABLE "{race.schema}".booking_appointment DROP CONSTRAINT appointment_no_overlap'
    )


def _overbook_without_looking() -> None:
    from booking.scheduling import locks

    def is_occupied_by_other(call: Any, arguments: Any) -> Any:
        return arguments["overbook"]

    wrap(locks, "is_occupied_by_other", is_occupied_by_other, uses=["overbook"])


def _lock_nothing() -> None:
    from booking.scheduling import locks

    replace(locks, "lock_practitioners", lambda ids: None)


def _know_no_conflict() -> None:
    from booking.scheduling import slots

    replace(slots, "_CONFLICTS", ())


def _keep_expired_holds() -> None:
    from booking.scheduling import locks

    def delete_expired_holds(
        *, practitioner_id: Any, starts_at: Any, ends_at: Any, now: Any
    ) -> int:
        return 0

    replace(locks, "delete_expired_holds", delete_expired_holds)


def _find_no_earlier_form() -> None:
    from booking.scheduling import slots

    replace(slots, "appointment_of_form", lambda form_ref: None)
    replace(slots, "appointment_of_form_if_any", lambda form_ref: None)


def _trust_the_row_read_before() -> None:
    from booking.appointments import change_limits

    replace(change_limits, "reload", lambda appointment, sequence=None: appointment)


def _hold_without_limit() -> None:
    from booking.scheduling import slots

    replace(slots, "HOLDS_PER_NETWORK", 1_000_000)
    replace(slots, "HOLDS_OF_A_SUSPECT", 1_000_000)


def _book_without_limit() -> None:
    from booking.abuse import limits

    replace(limits, "_persons", lambda network, addresses, most: [])


GUARDS: dict[str, Guard] = {
    "constraint": Guard("no two rows overlap", (SLOTS,), database=_delete_the_constraint),
    "extras": Guard(
        "only an appointment that meets another one is overbooked",
        (SLOTS,),
        process=_overbook_without_looking,
    ),
    "lock": Guard("the agenda is locked before it is read", (LOCKS,), process=_lock_nothing),
    "taken": Guard(
        "SQLSTATE 23P01 and 40P01 mean that the slot is taken",
        (SLOTS,),
        process=_know_no_conflict,
        server_errors=("django.db.utils.IntegrityError", "django.db.utils.OperationalError"),
    ),
    "expired_holds": Guard("expired holds are deleted", (SLOTS,), process=_keep_expired_holds),
    "idempotency": Guard("a form books once", (SLOTS,), process=_find_no_earlier_form),
    "reload": Guard(
        "rows are read again under the lock", (LOCKS,), process=_trust_the_row_read_before
    ),
    "hold_limit": Guard(
        "twenty holds per network, three for one that books nothing",
        (FLOOD,),
        process=_hold_without_limit,
    ),
    "person_limit": Guard(
        "three bookings per person, network and day", (PERSON,), process=_book_without_limit
    ),
}


# --- The run --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RaceSize:
    """How much is asked of one run."""

    short: bool
    sabotage: str | None


def _slots(rounds: Any, race: Any, size: RaceSize) -> dict[str, Any]:
    rounds.double_clicks(race)
    rounds.overbookings(race, slots=4 if size.short else 12)
    if size.short and size.sabotage:
        # Four slots, two of them with an expired hold, show what eight show.
        return dict(rounds.slots(race, clients=16, slots=4))
    if size.short:
        return dict(rounds.slots(race, clients=16, slots=8))
    crowd: dict[str, Any] = rounds.slots(race, clients=200, slots=50)
    return {**crowd, **rounds.slots(race, clients=50, slots=20, is_timed=True)}


def _locks(rounds: Any, race: Any, size: RaceSize) -> dict[str, Any]:
    rounds.locks(race)
    return {}


def _flood(rounds: Any, race: Any, size: RaceSize) -> dict[str, Any]:
    return dict(rounds.flood(race, short=size.short))


def _person(rounds: Any, race: Any, size: RaceSize) -> dict[str, Any]:
    rounds.one_person(race, clients=12)
    return {}


_PARTS = {SLOTS: _slots, LOCKS: _locks, FLOOD: _flood, PERSON: _person}


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof; with ``sabotage`` only the sections of that guard."""
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    figures: dict[str, Any] = {}
    with (
        open_environment(proof=PROOF, sabotage=sabotage) as environment,
        environment.serve(workers=2) as web,
    ):
        from tests.proofs import race_rounds as rounds

        race = rounds.RaceRun(environment, counter, web)
        if guard:
            guard.remove_from_database(environment, race)
        for section in guard.sections if guard else SECTIONS:
            figures |= _PARTS[section](rounds, race, RaceSize(short, sabotage))
        figures |= race.judge()
        if counter.failed:
            environment.show_logs()
    return counter.report(PROOF, sabotage=sabotage, short=short, **figures)

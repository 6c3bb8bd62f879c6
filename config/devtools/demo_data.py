"""The three fictitious practices of the demonstration: members, opening hours, website, bookings.

Persons, places and numbers are invented; phone numbers are from the ranges reserved for fiction.
"""

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP

from booking.appointments.book import book_by_staff
from booking.models import (
    AppointmentType,
    ExtraField,
    Location,
    OpeningHours,
    Practice,
    Practitioner,
    WaitingEntry,
)
from booking.patients.form_versions import FormQuestion, publish
from booking.practice import site
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice
from booking.scheduling.queries import free_slots
from booking.scheduling.slots import SlotSelection
from booking.waiting_list import waiting_entries
from tenants.accounts.models import Role, User
from tenants.accounts.services.memberships import give_role
from tenants.website.services import drafts

PASSWORD = "une demonstration bien gardee"  # printed at every start
STAFF_EMAIL = "equipe@example.org"
STAFF_SECRET = "LIBRDVDEMONSTRATION23456ABCDEFG2"
BOOKED_AHEAD_DAYS = 12
WAITING = 4
BOOKED_EVERY = 7  # one free slot in seven is taken


@dataclass(frozen=True)
class Member:
    """A user of a practice; with ``receives`` an agenda is assigned to them."""

    name: str
    email: str
    role: Role
    receives: bool = True
    title: str = ""


@dataclass(frozen=True)
class DemoAppointmentType:
    """An appointment type; ``places`` are indexes of DemoPractice.places, ``extra`` are further model fields."""

    label: str
    minutes: int
    places: tuple[int, ...] = (0,)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DemoPractice:
    """The data of one practice."""

    host: str
    practice: dict[str, Any]
    places: tuple[dict[str, Any], ...]
    members: tuple[Member, ...]
    appointment_types: tuple[DemoAppointmentType, ...]
    hours: tuple[tuple[int, tuple[int, ...], int, int, int], ...]
    """Member, weekdays (Monday is 0), from and until in minutes, place."""
    questions: tuple[FormQuestion, ...] = ()
    site: dict[str, str] = field(default_factory=dict)
    """The texts of its published pages, by part, and its colour."""

    @property
    def owner(self) -> Member:
        """The member who signed the order."""
        return self.members[0]


BIDART = DemoPractice(
    host="maite",
    practice={
        "name": "Maite Exemple",
        "profession": "Ostéopathe",
        "town": "Bidart",
        "kind": Practice.PracticeKind.REGULATED,
        "phone": "+33536490012",
        "email": "maite@example.org",
        "legal_name": "Maite Exemple EI",
        "legal_form": "Entrepreneur individuel",
        "siren": "000000000",
        "street": "12 rue de la Falaise",
        "postcode": "64210",
        "legal_town": "Bidart",
        "publication_director": "Maite Exemple",
        "professional_rules": "Décret n° 2007-435 du 25 mars 2007",
    },
    places=(
        {
            "name": "Cabinet",
            "street": "12 rue de la Falaise",
            "postcode": "64210",
            "town": "Bidart",
            "access_text": "Au rez-de-chaussée, sonnette du milieu. Parking devant le fronton.",
        },
        {
            "name": "À domicile",
            "kind": Location.LocationKind.HOME,
            "town": "Bidart et alentours",
            "served_postcodes": ["64210", "64500"],
        },
    ),
    members=(Member("Maite Exemple", "maite@example.org", Role.OWNER, title="Ostéopathe"),),
    appointment_types=(
        DemoAppointmentType("Suivi", 45, extra={"buffer_after_min": 15, "price_text": "60 €"}),
        DemoAppointmentType(
            "Première consultation",
            60,
            extra={"is_for_new_patients": True, "price_text": "70 €", "cancel_hours": 24},
        ),
        DemoAppointmentType(
            "Visite à domicile",
            60,
            places=(1,),
            extra={"buffer_before_min": 30, "buffer_after_min": 30, "min_notice_min": 1440},
        ),
    ),
    hours=(
        (0, (0, 1, 3, 4), 9 * 60, 12 * 60 + 30, 0),
        (0, (0, 1, 3), 14 * 60, 18 * 60 + 30, 0),
        (0, (4,), 14 * 60, 18 * 60, 1),
    ),
    questions=(
        FormQuestion(
            key="adresse",
            label="À quelle adresse venir ?",
            kind=ExtraField.FieldKind.ADDRESS,
            purpose="venir chez vous",
            retention="effacée avec le rendez-vous",
            is_mandatory=True,
            place_kind=Location.LocationKind.HOME,
        ),
        FormQuestion(
            key="stationnement",
            label="Peut-on se garer devant ?",
            kind=ExtraField.FieldKind.YES_NO,
            purpose="arriver à l'heure",
            retention="effacée avec le rendez-vous",
            place_kind=Location.LocationKind.HOME,
        ),
    ),
    site={
        "presentation": "Je reçois au cabinet, face au fronton, et chez vous entre Bidart et Guéthary.\n\n"
        "Une séance dure trois quarts d’heure\u00a0:\n- un temps d’échange\n- un examen\n- le soin",
        "access": "Bus 3, arrêt Église. Une marche à l’entrée, rampe sur demande.",
        "payment": "Carte, chèque ou espèces.",
        "practical": "Apportez vos examens récents si vous en avez.",
        "colour": "#1f5c8a",
    },
)

SAINT_DENIS = DemoPractice(
    host="sophie",
    practice={
        "name": "Sophie Gabarit",
        "profession": "Diététicienne",
        "town": "Saint-Denis",
        "kind": Practice.PracticeKind.HEALTH,
        "phone": "+33261910012",
        "email": "sophie@example.org",
        "about": "Au cabinet ou en visio, à l'heure de La Réunion.",
        "legal_name": "Sophie Gabarit EI",
        "legal_form": "Entrepreneur individuel",
        "siren": "000000000",
        "street": "3 rue des Flamboyants",
        "postcode": "97400",
        "legal_town": "Saint-Denis",
        "publication_director": "Sophie Gabarit",
    },
    places=(
        {
            "name": "Cabinet",
            "street": "3 rue des Flamboyants",
            "postcode": "97400",
            "town": "Saint-Denis",
            "time_zone": "Indian/Reunion",
            "territory": "RE",
        },
        {
            "name": "En visio",
            "kind": Location.LocationKind.VIDEO,
            "video_url": "https://visio.example/sophie-gabarit",
            "time_zone": "Indian/Reunion",
            "territory": "RE",
        },
    ),
    members=(Member("Sophie Gabarit", "sophie@example.org", Role.OWNER, title="Diététicienne"),),
    appointment_types=(
        DemoAppointmentType(
            "Premier rendez-vous", 60, places=(0, 1), extra={"is_for_new_patients": True}
        ),
        DemoAppointmentType("Suivi", 30, places=(0, 1), extra={"cancel_hours": 24}),
    ),
    hours=(
        (0, (0, 1, 2, 3, 4), 8 * 60, 12 * 60, 0),
        (0, (1, 3), 13 * 60, 17 * 60, 1),
    ),
)

STRASBOURG = DemoPractice(
    host="trois-ponts",
    practice={
        "name": "Cabinet des Trois Ponts",
        "profession": "Kinésithérapeutes",
        "town": "Strasbourg",
        "sms_enabled": True,
        "kind": Practice.PracticeKind.HEALTH,
        "phone": "+33353010034",
        "email": "secretariat@example.org",
        "about": "Le secrétariat répond au téléphone de 9 h à 12 h.",
        "legal_name": "SELARL des Trois Ponts",
        "legal_form": "SELARL",
        "siren": "000000000",
        "street": "8 quai des Moulins",
        "postcode": "67000",
        "legal_town": "Strasbourg",
        "publication_director": "Claire Exemple",
    },
    places=(
        {
            "name": "Cabinet",
            "street": "8 quai des Moulins",
            "postcode": "67000",
            "town": "Strasbourg",
        },
    ),
    members=(
        Member("Claire Exemple", "claire@example.org", Role.OWNER),
        Member("Hugo Fictif", "hugo@example.org", Role.PRACTITIONER),
        Member("Léa Modèle", "lea@example.org", Role.PRACTITIONER),
        Member("Nora Accueil", "nora@example.org", Role.SECRETARY, receives=False),
    ),
    appointment_types=(
        DemoAppointmentType("Suivi", 30),
        DemoAppointmentType("Première consultation", 60, extra={"is_for_new_patients": True}),
        DemoAppointmentType("Bilan", 45, extra={"channel": AppointmentType.BookableBy.STAFF}),
    ),
    hours=(
        (0, (0, 1, 3, 4), 8 * 60 + 30, 12 * 60, 0),
        (0, (0, 3, 4), 14 * 60, 18 * 60, 0),
        (1, (0, 1, 2, 4), 9 * 60, 12 * 60 + 30, 0),
        (1, (1, 2, 3), 14 * 60, 19 * 60, 0),
        (2, (1, 3, 4), 9 * 60, 13 * 60, 0),
        (2, (5,), 9 * 60, 12 * 60, 0),
    ),
)

PRACTICES = (BIDART, SAINT_DENIS, STRASBOURG)

NAMES = ("Démo", "Témoin", "Échantillon", "Spécimen", "Prototype", "Maquette", "Modèle", "Essai")
FIRST_NAMES = ("Camille", "Louise", "Karim", "Maïté", "Jean", "Ana", "Yann", "Inès", "Paul")


def person(number: int) -> Person:
    """Return a fictitious patient; one in four has a phone number and no e-mail."""
    first, last = FIRST_NAMES[number % len(FIRST_NAMES)], NAMES[number % len(NAMES)]
    return Person(
        first_name=first,
        last_name=last,
        phone=f"+336399801{number % 100:02d}",
        email="" if number % 4 == 3 else f"patient{number}@example.org",
    )


def fill(plan: DemoPractice, *, now: datetime) -> None:
    """Create a practice in the current unit, unless it has one; the services create its bookings."""
    if Practice.objects.exists():
        return
    Practice.objects.create(id=1, **plan.practice)
    places = [
        Location.objects.create(position=position, **values)
        for position, values in enumerate(plan.places)
    ]
    practitioners = _team(plan, now=now)
    appointment_types = [
        _appointment_type(appointment_type, places, practitioners, position)
        for position, appointment_type in enumerate(plan.appointment_types)
    ]
    for practitioner, weekdays, starts_min, ends_min, place in plan.hours:
        OpeningHours.objects.bulk_create(
            OpeningHours(
                practitioner=practitioners[practitioner],
                location=places[place],
                weekday=weekday,
                starts_min=starts_min,
                ends_min=ends_min,
            )
            for weekday in weekdays
        )
    if plan.questions:
        publish(questions=plan.questions, actor="system", now=now)
    if plan.site:
        _publish_site(plan.site, practitioners, now=now)
    _book_some(appointment_types, now=now)
    _some_wait(appointment_types, now=now)


def _publish_site(
    texts: dict[str, str], practitioners: Sequence[Practitioner], *, now: datetime
) -> None:
    known = site.practice_facts(current_practice(), practitioners)
    nothing = drafts.fingerprint("")
    for part, text in texts.items():
        if part == "colour":
            drafts.save_colour(typed=text, known=known, actor="system", now=now)
        else:
            drafts.save_text(
                part=part, typed=text, seen=nothing, known=known, actor="system", now=now
            )
    site.publish(known=known, by=None, seen=None, actor="system", now=now)


def _team(plan: DemoPractice, *, now: datetime) -> list[Practitioner]:
    practitioners = []
    for position, member in enumerate(plan.members):
        user = account(member.email, member.name)
        give_role(user=user, role=member.role, actor="system", now=now)
        if member.receives:
            practitioners.append(
                Practitioner.objects.create(
                    user=user, name=member.name, title=member.title, position=position
                )
            )
    return practitioners


def _appointment_type(
    appointment_type: DemoAppointmentType,
    places: Sequence[Location],
    practitioners: Sequence[Practitioner],
    position: int,
) -> AppointmentType:
    made = AppointmentType.objects.create(
        label=appointment_type.label,
        duration_min=appointment_type.minutes,
        position=position,
        **appointment_type.extra,
    )
    made.locations.set([places[number] for number in appointment_type.places])
    made.practitioners.set(practitioners)
    return made


def _book_some(appointment_types: Sequence[AppointmentType], *, now: datetime) -> None:
    number = 0
    for appointment_type in appointment_types:
        slots = free_slots(
            appointment_type=appointment_type,
            from_on=now.date(),
            until_on=(now + timedelta(days=BOOKED_AHEAD_DAYS)).date(),
            now=now,
        )
        ends: dict[int, datetime] = {}
        for slot in slots[::BOOKED_EVERY]:
            margins = timedelta(
                minutes=appointment_type.buffer_before_min + appointment_type.buffer_after_min
            )
            if slot.starts_at < ends.get(slot.practitioner_id, slot.starts_at):
                continue
            ends[slot.practitioner_id] = slot.ends_at + margins
            book_by_staff(
                selection=SlotSelection(
                    practitioner_id=slot.practitioner_id,
                    location_id=slot.location_id,
                    appointment_type_id=appointment_type.pk,
                    starts_at=slot.starts_at,
                ),
                form_ref=uuid.uuid4(),
                person=person(number),
                actor="system",
                now=now,
            )
            number += 1


def _some_wait(appointment_types: Sequence[AppointmentType], *, now: datetime) -> None:
    """Add fictitious persons to the waiting list of the first appointment type."""
    for number in range(40, 40 + WAITING):
        waiting_entries.join(
            wish=waiting_entries.Wish(
                appointment_types[0], appointment_types[0].locations.all()[0]
            ),
            person=person(number),
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.EntryOrigin.STAFF,
            actor="system",
            now=now,
        )


def account(email: str, name: str, **fields: Any) -> User:
    """Return the account of an address; create it with the demonstration's password when missing."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, name=name, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def staff() -> User:
    """Return the staff account with a second factor; call it in the public unit."""
    user = account(STAFF_EMAIL, "Équipe lib-rdv", is_staff=True)
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, STAFF_SECRET)
    return user


def one_time_code(secret: str = STAFF_SECRET, *, at: float | None = None) -> str:
    """Return the six-digit code of an authenticator at ``at``, in seconds since the epoch (RFC 6238, 30 s)."""
    counter = int((time.time() if at is None else at) // 30)
    digest = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"

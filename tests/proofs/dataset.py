"""Practices whose rows contain canaries: words that no visitor of another practice may see."""

import base64
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models

from tenants.schema import PUBLIC, Unit, inside

PASSWORD = "Galet-dune-marée-47"
TOTP_SECRET = base64.b32encode(b"twenty fictive bytes").decode()


@dataclass
class CanaryPractice:
    """A tenant of the proof with its hosts, its canaries and its objects.

    ``public`` is a word in what any visitor of its host may read, ``private`` a word in what only its members may
    read. ``refs`` and ``keys`` are references and primary keys of its rows by model, ``tokens`` the secrets of its
    links by purpose.
    """

    name: str
    unit: Unit
    host: str
    custom: str
    public: str
    private: str
    refs: dict[str, uuid.UUID] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    session: str = ""
    outbox_ref: str = ""


def canary() -> str:
    """Return a random word."""
    return f"zq{secrets.token_hex(6)}"


def make_canary_practice(environment: Any, name: str, *, state: str = "live") -> CanaryPractice:
    """Make a tenant and a row in each table that its members and patients write."""
    custom = f"rdv.{name}.example"
    host = f"{name}.lib-rdv.localhost"
    unit = environment.add_tenant(host, state=state, custom=custom)
    practice = CanaryPractice(name, unit, host, custom, public=canary(), private=canary())
    with inside(unit):
        fill_tables(practice, now=datetime.now(UTC))
        note_refs(practice)
    return practice


def fill_tables(practice: CanaryPractice, *, now: datetime) -> None:
    """Make the rows; inside the practice's unit."""
    from booking import models as booking
    from tests import factories

    public, private = practice.public, practice.private
    factories.make_practice(name=f"Cabinet {public}", about=f"Bienvenue {public}")
    places = [
        factories.make_location(name=f"Lieu {public}", access_text=public),
        factories.make_location(name=f"Domicile {public}", kind="home"),
    ]
    people = [factories.make_practitioner(f"Docteur {public} {initial}") for initial in "XY"]
    appointment_type = factories.make_type(
        people, places, label=f"Consultation {public}", duration_min=30
    )
    factories.make_type(people, places, label=f"Interne {private}", channel="staff")
    for person in people:
        factories.make_hours(person, places[0], weekdays=range(7), starts_min=0, ends_min=1440)
    today = now.date()
    booking.OpeningException.objects.create(
        practitioner=people[0], location=places[0], on_date=today + timedelta(days=90)
    )
    booking.Absence.objects.create(
        practitioner=people[0], label=private[:60], starts_at=now + timedelta(days=100),
        ends_at=now + timedelta(days=101),
    )  # fmt: skip
    booking.HolidayOpening.objects.create(location=places[0], on_date=today + timedelta(days=60))
    booking.MessageText.objects.create(kind="confirmation", text=private)
    booking.Replacement.objects.create(
        practitioner=people[1], substitute_name=f"Docteur {public} Z",
        from_on=today + timedelta(days=110), to_on=today + timedelta(days=120),
    )  # fmt: skip
    version = booking.FormVersion.objects.create(number=1, created_at=now)
    booking.ExtraField.objects.create(
        version=version, key="etage", label=private, kind="short_text", purpose="x", retention="x"
    )
    _feed(practice, people[0], now=now)
    _site(practice, people[0], now=now)
    _people(practice, people[0], now=now)
    _appointments(practice, people[0], places[0], appointment_type, now=now)


def _feed(practice: CanaryPractice, practitioner: Any, *, now: datetime) -> None:
    """Open a calendar feed with names; its token is a secret of this practice."""
    from booking.feeds import publication
    from booking.rules.erasure import Level

    feed = publication.open_feed(
        practitioner=practitioner, level=Level.NAMED, is_instructed=True, actor="system", now=now
    )
    practice.tokens["feed"] = publication.token_of(feed)


def _site(practice: CanaryPractice, practitioner: Any, *, now: datetime) -> None:
    """Publish pages with a logo, and save a draft with a photo that visitors may not see."""
    from tenants.website.content import Listed, PracticeFacts
    from tenants.website.pictures import Encoded, EncodedSize
    from tenants.website.questionnaire import Answers
    from tenants.website.services import (
        answers,
        drafts,
        gallery,
        publication,
    )

    known = PracticeFacts(people=[Listed(practitioner.ref, f"Docteur {practice.public} X")])
    acting: dict[str, Any] = {"known": known, "actor": "system", "now": now}
    for kind, word in (("logo", practice.public), ("photo", practice.private)):
        first = EncodedSize(f"picture {word}".encode(), 160, 44)
        picture = gallery.put_picture(
            kind=kind, encoded=Encoded(first, first),
            described={"rights_holder": word, "alt": word}, **acting,
        )  # fmt: skip
        practice.refs[f"{kind} picture"] = picture.ref
        if kind == "logo":
            seen = drafts.fingerprint("")
            drafts.save_text(part="access", typed=f"Accès {practice.public}", seen=seen, **acting)
            drafts.save_colour(typed="#0a4f5c", **acting)
            publication.publish(by=None, seen=None, **acting)
    seen = drafts.fingerprint("")
    drafts.save_text(part="practical", typed=f"Brouillon {practice.private}", seen=seen, **acting)
    answers.save_answers(answers=Answers(to_bring=practice.private), **acting)
    drafts.save_card(
        practitioner_ref=practitioner.ref,
        values={"profession": "osteopathe", "presentation": practice.private},
        actor="system", now=now,
    )  # fmt: skip


def _people(practice: CanaryPractice, practitioner: Any, *, now: datetime) -> None:
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from axes.models import AccessAttempt

    from booking.models import DigestSubscription, LastVisit
    from tenants.accounts.models import Invitation, Membership, User
    from tenants.accounts.services import addresses
    from tenants.keyring import services as keyring

    email = f"{practice.private}@example.org"
    user = User.objects.create_user(email, PASSWORD, name=f"Titulaire {practice.private}")
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    Membership.objects.create(user=user, role="owner", created_at=now)
    other = User.objects.create_user(
        f"second-{practice.private}@example.org", PASSWORD, name=practice.private
    )
    membership = Membership.objects.create(user=other, role="secretary", created_at=now)
    membership.scopes.create(practitioner_ref=practitioner.ref)
    Authenticator.objects.create(user=other, type="totp", data={"secret": practice.private})
    AccessAttempt.objects.create(
        username=practice.private, ip_address="192.0.2.1", user_agent="x",
        failures_since_start=1,
    )  # fmt: skip
    LastVisit.objects.create(user=user, event_id=0, seen_at=now)
    DigestSubscription.objects.create(user=user, since=now)
    practitioner.user = user
    practitioner.save(update_fields=["user"])
    invitation = Invitation(
        email=f"invite-{practice.private}@example.org", name=practice.private, role="secretary",
        created_at=now, expires_at=now + timedelta(days=7),
    )  # fmt: skip
    practice.tokens["invitation"] = keyring.link_token(
        purpose="accounts.invitation", ref=invitation.ref, generation=invitation.generation
    )
    invitation.token_hash = keyring.token_hash(practice.tokens["invitation"])
    invitation.save()
    change = addresses.request_change(user=other, new_email=f"autre-{email}", now=now)
    practice.tokens["email_confirm"] = addresses.confirm_token(change)
    practice.tokens["email_undo"] = addresses.undo_token(change)


def _appointments(
    practice: CanaryPractice,
    practitioner: Any,
    location: Any,
    appointment_type: Any,
    *,
    now: datetime,
) -> None:
    from booking.abuse import form_token  # the form of patients
    from booking.appointments.book import book_by_staff
    from booking.patients.links import manage_token, short_token
    from booking.rules.persons import Person
    from booking.scheduling.slots import SlotSelection
    from tenants.outbox.models import OutboxEntry

    start = now.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=20)
    person = Person(
        first_name=practice.private, last_name=practice.private, phone="+33639980104",
        email=f"patient-{practice.private}@example.org",
    )  # fmt: skip
    for number in range(3):
        booked = book_by_staff(
            selection=SlotSelection(
                practitioner.pk, location.pk, appointment_type.pk, start + timedelta(hours=number)
            ),
            form_ref=uuid.uuid4(),
            person=person,
            actor="system",
            now=now,
        )
        practice.tokens.setdefault("manage", manage_token(booked))
        practice.tokens.setdefault("short", short_token(booked))
    _google(practice, practitioner, booked, now=now)
    _list(practice, practitioner, location, appointment_type, person, start=start, now=now)
    for purpose in ("choose", "details", "waiting"):
        practice.tokens[f"form {purpose}"] = form_token.issue(
            schema=practice.unit.schema, purpose=purpose, now=now - timedelta(minutes=10)
        )
    entry = OutboxEntry.objects.order_by("due_at").first()
    practice.outbox_ref = entry.ref.hex if entry else ""


def _google(
    practice: CanaryPractice, practitioner: Any, appointment: Any, *, now: datetime
) -> None:
    """Link the agenda with Google: a row in each table of it, and an authorization that has begun.

    No row is due, so no process sends a request to Google.
    """
    from urllib.parse import parse_qs, urlsplit

    from booking import models as booking
    from booking.google import authorization
    from tenants.keyring import services as keyring
    from tests.factories import make_entry, make_link

    # The busy times count as read tomorrow, so that no page asks the worker to read them again.
    fresh = now + timedelta(days=1)
    account = make_link(practitioner, now=now, busy_at=fresh, last_error=practice.private)
    make_entry(appointment, account, state="moved", etag=practice.private, now=now)
    booking.CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=now)
    hour = timedelta(hours=1)
    booking.BusyInterval.objects.create(
        practitioner=practitioner, account=account, starts_at=now + hour, ends_at=now + 2 * hour,
        fetched_at=now, expires_at=now + hour,
    )  # fmt: skip
    practice.tokens["google channel"] = secrets.token_urlsafe(32)
    booking.Channel.objects.create(
        account=account, target="own", sealed=b"", created_at=now, expires_at=now + 7 * 24 * hour,
        token_hash=keyring.token_hash(practice.tokens["google channel"]),
    )  # fmt: skip
    begun = authorization.begin(
        practitioner=practitioner, user=practitioner.user, session_key="0" * 32,
        is_instant=False, now=now,
    )  # fmt: skip
    practice.tokens["google state"] = parse_qs(urlsplit(begun.url).query)["state"][0]


def _list(
    practice: CanaryPractice,
    practitioner: Any,
    location: Any,
    appointment_type: Any,
    person: Any,
    *,
    start: Any,
    now: Any,
) -> None:
    """Add a person to the waiting list and offer them a slot."""
    from booking.models import WaitingEntry
    from booking.scheduling.slots import SlotSelection
    from booking.waiting_list import offers, waiting_entries

    entry = waiting_entries.join(
        wish=waiting_entries.Wish(appointment_type, location, practitioner),
        person=person,
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.STAFF,
        actor="system",
        now=now,
    )
    assert entry is not None
    at = start + timedelta(days=1)
    offer = offers.offer_by_hand(
        entry=entry,
        selection=SlotSelection(practitioner.pk, location.pk, appointment_type.pk, at),
        actor="system",
        now=now,
    )
    assert offer is not None
    practice.tokens["waiting"] = waiting_entries.link_of(entry)
    practice.tokens["offer"] = offers.link_of(offer)


RECORDED_APPS = {"booking", "website", "accounts", "outbox", "account", "mfa"}


def note_refs(practice: CanaryPractice) -> None:
    """Record the reference and the key of one row of each model."""
    from django.apps import apps

    for model in apps.get_models():
        if model._meta.app_label not in RECORDED_APPS:
            continue
        row = model._default_manager.order_by("pk").first()
        if row is None:
            continue
        label = model._meta.model_name or ""
        if isinstance(row.pk, int):
            practice.keys[label] = row.pk
        ref = getattr(row, "ref", None)
        if isinstance(ref, uuid.UUID):
            practice.refs[label] = ref


def employ_staff(unit: Unit = PUBLIC) -> models.Model:
    """Make a user of lib-rdv's staff with a second factor, in the public schema."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.totp.internal.auth import TOTP

    from tenants.accounts.models import User
    from tenants.keyring.services import ensure_tenant_key

    with inside(unit):
        ensure_tenant_key(now=datetime.now(UTC))
        user = User.objects.create_superuser("equipe@example.org", PASSWORD, name="Équipe")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        TOTP.activate(user, TOTP_SECRET)
    return user


class RowWatch:
    """Compares the rows of a schema with those of before.

    Rows may be added to the tables of ``GROWS``, where visitors write; no row may change or disappear.
    """

    GROWS = frozenset(
        {
            "axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog",
            "axes_accesslog", "django_session", "audit_auditevent", "audit_auditseal", "outbox_outboxentry",
            "booking_appointment",
        }
    )  # fmt: skip

    def __init__(self, environment: Any, schema: str) -> None:
        self.environment, self.schema = environment, schema
        names = environment.owner("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        # On lib-rdv's own host the staff signs in and out: sessions appear and disappear.
        skipped = {"django_session"} if schema == "public" else set()
        self.tables = sorted(name for (name,) in names if name not in skipped)
        self.before = self._read()

    def _read(self) -> dict[str, set[str]]:
        rows = self.environment.owner(
            " UNION ALL ".join(self._select(name) for name in self.tables)
        )
        found: dict[str, set[str]] = {name: set() for name in self.tables}
        for name, digest in rows:
            found[name].add(digest)
        return found

    def _select(self, table: str) -> str:
        where = {
            "booking_appointment": " WHERE status <> 'held'",
            # A password link requested for an unknown address: a worker finishes its entry without a message.
            "outbox_outboxentry": " WHERE subject_id >= 0",
        }.get(table, "")
        return f"SELECT '{table}', md5(t::text) FROM \"{self.schema}\".{table} t{where}"

    def changes(self, *, strict: bool = False) -> list[str]:
        """Return the tables that differ since the last call; ``strict``: added rows differ in each table."""
        now = self._read()
        changed = []
        for name in self.tables:
            gone, added = self.before[name] - now[name], now[name] - self.before[name]
            if gone or (added and (strict or name not in self.GROWS)):
                changed.append(f"{name} -{len(gone)} +{len(added)}")
            elif name == "booking_appointment" and added:
                changed.append(f"{name} +{len(added)} booked")
        self.before = now
        return changed


CLONE = "clone@example.org"


def clone_user(first: CanaryPractice, second: CanaryPractice) -> None:
    """Give both practices a member with the same key, address and password hash.

    The two accounts then differ only by the schema in their sessions and signatures.
    """
    from allauth.account.models import EmailAddress

    from tenants.accounts.models import Membership, User

    password, moment = "", datetime.now(UTC)
    for practice in (first, second):
        with inside(practice.unit):
            user = User(pk=900, email=CLONE, name="Copie", date_joined=moment)
            if password:
                user.password = password
            else:
                user.set_password(PASSWORD)
            password = user.password
            user.save(force_insert=True)
            EmailAddress.objects.create(user=user, email=CLONE, verified=True, primary=True)
            Membership.objects.create(user=user, role="owner", created_at=moment)
            from tenants.accounts.tokens import ResetTokenGenerator  # inside its unit

            key = ResetTokenGenerator().make_token(user)
            practice.tokens["reset uid"] = _base36(user.pk)
            practice.tokens["reset"] = key


def _base36(number: int) -> str:
    from django.utils.http import int_to_base36

    return int_to_base36(number)

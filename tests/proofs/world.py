"""Two practices full of canaries: words that no visitor of another practice may ever see."""

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
class Practice:
    """A tenant of the proof: where it answers, what nobody else may see, and its objects.

    ``public`` stands in what any visitor of its own host may read, ``private`` in what only its members
    may. ``refs`` are the references of its rows by model, ``tokens`` the secrets of its links by purpose.
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
    """Return a word that occurs nowhere else."""
    return f"zq{secrets.token_hex(6)}"


def furnish(stage: Any, name: str, *, state: str = "live") -> Practice:
    """Build a tenant and fill every table that its people and patients fill."""
    custom = f"rdv.{name}.example"
    host = f"{name}.lib-rdv.localhost"
    unit = stage.add_tenant(host, state=state, custom=custom)
    made = Practice(name, unit, host, custom, public=canary(), private=canary())
    with inside(unit):
        _fill(made, now=datetime.now(UTC))
        _note_refs(made)
    return made


def _fill(made: Practice, *, now: datetime) -> None:
    from booking import models as booking
    from tests import factories

    public, private = made.public, made.private
    factories.make_practice(name=f"Cabinet {public}", about=f"Bienvenue {public}")
    places = [
        factories.make_location(name=f"Lieu {public}", access_text=public),
        factories.make_location(name=f"Domicile {public}", kind="home"),
    ]
    people = [factories.make_practitioner(f"Docteur {public} {letter}") for letter in "XY"]
    motif = factories.make_type(people, places, label=f"Consultation {public}", duration_min=30)
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
    _feed(made, people[0], now=now)
    _site(made, people[0], now=now)
    _people(made, people[0], now=now)
    _appointments(made, people[0], places[0], motif, now=now)


def _feed(made: Practice, practitioner: Any, *, now: datetime) -> None:
    """Let a program read the agenda, names and all: its address is a secret of this practice."""
    from booking.event_body import Level
    from booking.services import feeds

    feed = feeds.open_feed(
        practitioner=practitioner, level=Level.NAMED, is_instructed=True, actor="system", now=now
    )
    made.tokens["feed"] = feeds.token_of(feed)


def _site(made: Practice, practitioner: Any, *, now: datetime) -> None:
    """Published pages with a logo, and a draft with a photo that nobody outside may see."""
    from tenants.website.content import Known, Listed
    from tenants.website.pictures import Encoded, EncodedSize
    from tenants.website.questionnaire import Answers
    from tenants.website.services import answering, editing, gallery, publishing

    known = Known(people=[Listed(practitioner.ref, f"Docteur {made.public} X")])
    acting: dict[str, Any] = {"known": known, "actor": "system", "now": now}
    for kind, word in (("logo", made.public), ("photo", made.private)):
        one = EncodedSize(f"picture {word}".encode(), 160, 44)
        picture = gallery.put_picture(
            kind=kind, encoded=Encoded(one, one),
            described={"rights_holder": word, "alt": word}, **acting,
        )  # fmt: skip
        made.refs[f"{kind} picture"] = picture.ref
        if kind == "logo":
            seen = editing.fingerprint("")
            editing.save_text(part="access", typed=f"Accès {made.public}", seen=seen, **acting)
            editing.save_colour(typed="#0a4f5c", **acting)
            publishing.publish(by=None, seen=None, **acting)
    seen = editing.fingerprint("")
    editing.save_text(part="practical", typed=f"Brouillon {made.private}", seen=seen, **acting)
    answering.save_answers(answers=Answers(to_bring=made.private), **acting)
    editing.save_card(
        practitioner_ref=practitioner.ref,
        values={"profession": "osteopathe", "presentation": made.private},
        actor="system", now=now,
    )  # fmt: skip


def _people(made: Practice, practitioner: Any, *, now: datetime) -> None:
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from axes.models import AccessAttempt

    from booking.models import DigestSubscription, LastVisit
    from tenants.accounts.models import Invitation, Membership, User
    from tenants.accounts.services import addresses
    from tenants.keyring import services as keyring

    email = f"{made.private}@example.org"
    user = User.objects.create_user(email, PASSWORD, name=f"Titulaire {made.private}")
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    Membership.objects.create(user=user, role="owner", created_at=now)
    other = User.objects.create_user(
        f"second-{made.private}@example.org", PASSWORD, name=made.private
    )
    membership = Membership.objects.create(user=other, role="secretary", created_at=now)
    membership.scopes.create(practitioner_ref=practitioner.ref)
    Authenticator.objects.create(user=other, type="totp", data={"secret": made.private})
    AccessAttempt.objects.create(
        username=made.private, ip_address="192.0.2.1", user_agent="x",
        failures_since_start=1,
    )  # fmt: skip
    LastVisit.objects.create(user=user, act_id=0, seen_at=now)
    DigestSubscription.objects.create(user=user, since=now)
    practitioner.user = user
    practitioner.save(update_fields=["user"])
    invitation = Invitation(
        email=f"invite-{made.private}@example.org", name=made.private, role="secretary",
        created_at=now, expires_at=now + timedelta(days=7),
    )  # fmt: skip
    made.tokens["invitation"] = keyring.link_token(
        purpose="accounts.invitation", ref=invitation.ref, generation=invitation.generation
    )
    invitation.token_hash = keyring.token_hash(made.tokens["invitation"])
    invitation.save()
    change = addresses.ask(user=other, new_email=f"autre-{email}", now=now)
    made.tokens["email_confirm"] = addresses.confirm_token(change)
    made.tokens["email_undo"] = addresses.undo_token(change)


def _appointments(
    made: Practice, practitioner: Any, location: Any, motif: Any, *, now: datetime
) -> None:
    from booking import form_token  # the form of patients
    from booking.persons import Person
    from booking.services.appointments import book_by_staff
    from booking.services.choice import Choice
    from booking.services.links import manage_token, short_token
    from tenants.outbox.models import OutboxEntry

    start = now.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=20)
    person = Person(
        first_name=made.private, last_name=made.private, phone="+33639980104",
        email=f"patient-{made.private}@example.org",
    )  # fmt: skip
    for number in range(3):
        booked = book_by_staff(
            choice=Choice(practitioner.pk, location.pk, motif.pk, start + timedelta(hours=number)),
            form_ref=uuid.uuid4(),
            person=person,
            actor="system",
            now=now,
        )
        made.tokens.setdefault("manage", manage_token(booked))
        made.tokens.setdefault("short", short_token(booked))
    _google(made, practitioner, booked, now=now)
    _list(made, practitioner, location, motif, person, start=start, now=now)
    for purpose in ("choose", "details", "waiting"):
        made.tokens[f"form {purpose}"] = form_token.issue(
            schema=made.unit.schema, purpose=purpose, now=now - timedelta(minutes=10)
        )
    entry = OutboxEntry.objects.order_by("due_at").first()
    made.outbox_ref = entry.ref.hex if entry else ""


def _google(made: Practice, practitioner: Any, appointment: Any, *, now: datetime) -> None:
    """Link the agenda with Google, something of everything about it, and an attempt that waits.

    Nothing of it is due: nobody speaks to Google here.
    """
    from urllib.parse import parse_qs, urlsplit

    from booking import models as booking
    from booking.services.google import authorizing
    from tenants.keyring import services as keyring
    from tests.factories import make_entry, make_link

    # What is busy was read tomorrow: no page wakes the worker to read it again.
    fresh = now + timedelta(days=1)
    account = make_link(practitioner, now=now, busy_at=fresh, last_error=made.private)
    make_entry(appointment, account, state="moved", etag=made.private, now=now)
    booking.CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=now)
    hour = timedelta(hours=1)
    booking.BusyInterval.objects.create(
        practitioner=practitioner, account=account, starts_at=now + hour, ends_at=now + 2 * hour,
        fetched_at=now, expires_at=now + hour,
    )  # fmt: skip
    made.tokens["google channel"] = secrets.token_urlsafe(32)
    booking.Channel.objects.create(
        account=account, target="own", sealed=b"", created_at=now, expires_at=now + 7 * 24 * hour,
        token_hash=keyring.token_hash(made.tokens["google channel"]),
    )  # fmt: skip
    begun = authorizing.begin(
        practitioner=practitioner, user=practitioner.user, session_key="0" * 32,
        is_instant=False, now=now,
    )  # fmt: skip
    made.tokens["google state"] = parse_qs(urlsplit(begun.url).query)["state"][0]


def _list(
    made: Practice,
    practitioner: Any,
    location: Any,
    motif: Any,
    person: Any,
    *,
    start: Any,
    now: Any,
) -> None:
    """Put somebody on the waiting list and offer them a slot."""
    from booking.models import WaitingEntry
    from booking.services import offering, waiting
    from booking.services.choice import Choice

    entry = waiting.join(
        wish=waiting.Wish(motif, location, practitioner),
        person=person,
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.Origin.STAFF,
        actor="system",
        now=now,
    )
    assert entry is not None
    at = start + timedelta(days=1)
    offer = offering.offer_by_hand(
        entry=entry,
        choice=Choice(practitioner.pk, location.pk, motif.pk, at),
        actor="system",
        now=now,
    )
    assert offer is not None
    made.tokens["waiting"] = waiting.link_of(entry)
    made.tokens["offer"] = offering.link_of(offer)


OURS = {"booking", "website", "accounts", "outbox", "account", "mfa"}


def _note_refs(made: Practice) -> None:
    """Note a reference and a key of each model that has one: the objects of others."""
    from django.apps import apps

    for model in apps.get_models():
        if model._meta.app_label not in OURS:
            continue
        row = model._default_manager.order_by("pk").first()
        if row is None:
            continue
        label = model._meta.model_name or ""
        if isinstance(row.pk, int):
            made.keys[label] = row.pk
        ref = getattr(row, "ref", None)
        if isinstance(ref, uuid.UUID):
            made.refs[label] = ref


def employ_staff(unit: Unit = PUBLIC) -> models.Model:
    """Make a member of lib-rdv's staff with a second factor, in the public schema."""
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


class Intact:
    """What a schema held: rows may be added where visitors may write, none may change or go."""

    GROWS = frozenset(
        {
            "axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog",
            "axes_accesslog", "django_session", "trail_act", "trail_actseal", "outbox_outboxentry",
            "booking_appointment",
        }
    )  # fmt: skip

    def __init__(self, stage: Any, schema: str) -> None:
        self.stage, self.schema = stage, schema
        names = stage.owner("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        # On lib-rdv's own host staff sign themselves in and out: their sessions come and go.
        skipped = {"django_session"} if schema == "public" else set()
        self.tables = sorted(name for (name,) in names if name not in skipped)
        self.before = self._read()

    def _read(self) -> dict[str, set[str]]:
        rows = self.stage.owner(" UNION ALL ".join(self._select(name) for name in self.tables))
        found: dict[str, set[str]] = {name: set() for name in self.tables}
        for name, digest in rows:
            found[name].add(digest)
        return found

    def _select(self, table: str) -> str:
        where = " WHERE status <> 'held'" if table == "booking_appointment" else ""
        return f"SELECT '{table}', md5(t::text) FROM \"{self.schema}\".{table} t{where}"

    def changes(self, *, strict: bool = False) -> list[str]:
        """Return the tables that are not as they were, and take what is now as what was.

        ``strict``: nothing may be added either.
        """
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


def clone_user(one: Practice, two: Practice) -> None:
    """Give both practices the same member: same key, address and password hash, as an import would.

    Only the walls between sessions and between signatures tell the two accounts apart.
    """
    from allauth.account.models import EmailAddress

    from tenants.accounts.models import Membership, User

    password, moment = "", datetime.now(UTC)
    for practice in (one, two):
        with inside(practice.unit):
            user = User(pk=900, email=CLONE, name="Double", date_joined=moment)
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

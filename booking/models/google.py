"""A practitioner's Google account: its own key, its own token, and what its calendar is to hold.

No column holds an identifier of Google: the calendar's stands in the sealed blob, an event's is computed (B-32).
"""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from booking.event_body import Cleaning, Level
from booking.models.appointment import Appointment
from booking.models.practitioner import Practitioner
from tenants.keyring.models import DataKey
from tenants.personal_data import declare
from tenants.refs import new_ref

BUSY_LIFE = timedelta(hours=24)
"""Nothing read of a calendar stays longer (B-32)."""
BUSY_KEPT = timedelta(hours=22)
"""How long it is used: the hourly sweep has deleted it well before the day is over."""


class GoogleAccount(models.Model):
    """One practitioner's link with Google (B-30, S-15): tokens sealed under a key of this row alone.

    ``leased_until`` and ``lease`` let one worker at a time speak for the account. ``poll_at`` is when
    its calendar is to be read again. ``open_until`` is the breaker's: nothing is tried before.
    """

    class State(models.TextChoices):
        """What the link is worth."""

        CONNECTED = "connected", "connecté"
        RECONNECT = "reconnect", "à reconnecter"
        LEAVING = "leaving", "en cours de déconnexion"

    class Kind(models.TextChoices):
        """Whether an organisation's contract covers the account (B-36)."""

        CONSUMER = "consumer", "compte personnel"
        WORKSPACE = "workspace", "compte d’organisation (Workspace)"

    class Leaving(models.TextChoices):
        """What becomes of our calendar when the link ends."""

        KEEP = "keep", "le garder tel quel"
        EMPTY = "empty", "le vider"
        DELETE = "delete", "le supprimer"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.OneToOneField(
        Practitioner, on_delete=models.CASCADE, related_name="google_account"
    )
    # No constraint of the database: the key tables are in a dump of their own (design section 4).
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.CONNECTED)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CONSUMER)
    level = models.SmallIntegerField(choices=[(one.value, one.name) for one in Level], default=0)
    on_erasure = models.CharField(
        max_length=10, choices=[(one.value, one.name) for one in Cleaning], default="keep"
    )
    on_leaving = models.CharField(max_length=6, choices=Leaving, default=Leaving.KEEP)
    has_addendum = models.BooleanField(default=False)
    can_read_busy = models.BooleanField(default=False)
    is_instant = models.BooleanField(default=False)
    # Whether a link that is lost closes online booking, or it goes on as if there were none (B-35).
    closes_when_lost = models.BooleanField(default=False)
    connected_at = models.DateTimeField()
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    poll_at = models.DateTimeField(null=True)
    busy_at = models.DateTimeField(null=True)
    failures = models.SmallIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=40, blank=True, default="")
    last_error_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    checked = models.IntegerField(default=0)
    repaired = models.IntegerField(default=0)

    personal_data = declare(
        subjects="praticiens",
        purpose="inscrire les rendez-vous dans l’agenda du praticien",
        legal_basis="6.1.b",
        recipients=("Google", "lib-rdv"),
        source="le praticien",
        retention="jusqu’à la déconnexion, où la clé est détruite",
        personal={"sealed": "jetons d’accès OAuth, nom technique de l’agenda", "kind": "compte"},
        harmless=(
            "id",
            "ref",
            "practitioner",
            "data_key",
            "state",
            "level",
            "on_erasure",
            "on_leaving",
            "has_addendum",
            "can_read_busy",
            "is_instant",
            "closes_when_lost",
            "connected_at",
            "lease",
            "leased_until",
            "poll_at",
            "busy_at",
            "failures",
            "open_until",
            "last_success_at",
            "last_error",
            "last_error_at",
            "checked_at",
            "checked",
            "repaired",
        ),
    )

    class Meta:
        """Level L2 without an organisation's addendum is an instruction of the client (B-33): see trail."""

        constraints = (
            models.CheckConstraint(
                condition=Q(level__gte=0, level__lte=2), name="google_level_exists"
            ),
        )
        indexes = (
            models.Index(fields=("poll_at",), condition=Q(state="connected"), name="google_poll"),
        )

    def __str__(self) -> str:
        return self.ref.hex


class Authorization(models.Model):
    """One attempt to link an account: bound to user, session and tenant, used once, ten minutes (B-30).

    The verifier, and for a moment the code, are sealed under a key that is destroyed with the attempt.
    """

    class State(models.TextChoices):
        """How far it went."""

        ASKED = "asked", "chez Google"
        EXCHANGING = "exchanging", "en cours"
        DONE = "done", "connecté"
        FAILED = "failed", "refusé"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    state_hash = models.BinaryField(max_length=32, unique=True)
    session_hash = models.BinaryField(max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="+")
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    wants_instant = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    failure = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    personal_data = declare(
        subjects="praticiens",
        purpose="relier l’agenda Google du praticien",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="le praticien",
        retention="une heure",
        personal={
            "session_hash": "empreinte d’une session",
            "user": "compte",
            "sealed": "code à usage unique, le temps de l’échange",
        },
        harmless=(
            "id",
            "ref",
            "state_hash",
            "practitioner",
            "data_key",
            "wants_instant",
            "state",
            "failure",
            "created_at",
            "expires_at",
        ),
    )

    def __str__(self) -> str:
        return self.ref.hex


class CalendarEntry(models.Model):
    """What the calendar of one account is to hold of one appointment: never what it says.

    ``wanted`` counts the changes of the appointment, ``pushed`` the last one that Google confirmed:
    the worker always writes the present, so five changes may give one call.
    """

    class State(models.TextChoices):
        """What we know of the event."""

        PENDING = "pending", "à inscrire"
        WRITTEN = "written", "inscrit"
        MOVED = "moved", "déplacé dans Google"
        DELETED = "deleted", "supprimé dans Google"
        GONE = "gone", "retiré"
        REFUSED = "refused", "refusé par Google"

    DIFFERENT = (State.MOVED, State.DELETED)
    """The practitioner has changed it there: only they can say which of the two holds."""

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="calendar_entries"
    )
    # Empty once the account is gone: the event may still stand in a calendar that we no longer reach.
    account = models.ForeignKey(
        GoogleAccount, on_delete=models.SET_NULL, null=True, related_name="entries"
    )
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    wanted = models.IntegerField(default=1)
    pushed = models.IntegerField(default=0)
    wanted_at = models.DateTimeField()
    pushed_at = models.DateTimeField(null=True)
    generation = models.SmallIntegerField(default=0)
    etag = models.CharField(max_length=80, blank=True, default="")
    level = models.SmallIntegerField(null=True)
    cleaning = models.CharField(
        max_length=10, choices=[(one.value, one.name) for one in Cleaning], default="keep"
    )
    cleans_at = models.DateTimeField(null=True)
    is_held_back = models.BooleanField(default=False)
    has_conflict = models.BooleanField(default=False)
    # What came of taking over the time that Google shows: a code, or "asked" while a worker looks.
    answer = models.CharField(max_length=12, blank=True, default="")

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "appointment",
            "account",
            "state",
            "wanted",
            "pushed",
            "wanted_at",
            "pushed_at",
            "generation",
            "etag",
            "level",
            "cleaning",
            "cleans_at",
            "is_held_back",
            "has_conflict",
            "answer",
        ),
    )

    class Meta:
        """One event per appointment and account; what waits is found by its account."""

        constraints = (
            models.UniqueConstraint(fields=("appointment", "account"), name="entry_once"),
            models.CheckConstraint(condition=Q(pushed__lte=F("wanted")), name="entry_not_ahead"),
        )
        indexes = (
            models.Index(
                fields=("account", "wanted_at"),
                condition=Q(wanted__gt=F("pushed")),
                name="entry_waiting",
            ),
        )

    def __str__(self) -> str:
        return f"{self.appointment_id}/{self.account_id}"


class CalendarTask(models.Model):
    """What only the practitioner can do, without the name of anybody: it names the appointment (B-28, B-34)."""

    class Kind(models.TextChoices):
        """What is left to do."""

        CALL = "call", "prévenir la personne par téléphone"
        ERASE = "erase", "effacer le rendez-vous dans Google Agenda"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="calendar_tasks"
    )
    kind = models.CharField(max_length=5, choices=Kind)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "ref", "appointment", "kind", "created_at", "done_at"),
    )

    class Meta:
        """Asked once."""

        constraints = (models.UniqueConstraint(fields=("appointment", "kind"), name="task_once"),)
        indexes = (
            models.Index(
                fields=("created_at",), condition=Q(done_at__isnull=True), name="task_open"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex


class BusyInterval(models.Model):
    """A time [starts_at, ends_at) at which a practitioner's own calendar says busy: no title, no id (B-32)."""

    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="busy_intervals"
    )
    account = models.ForeignKey(GoogleAccount, on_delete=models.CASCADE, related_name="busy")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    fetched_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    personal_data = declare(
        subjects="praticiens",
        purpose="ne pas proposer un créneau déjà pris dans l’agenda du praticien",
        legal_basis="6.1.b",
        recipients=("cabinet",),
        source="l’agenda Google du praticien",
        retention="24 heures au plus",
        personal={"starts_at": "occupation", "ends_at": "occupation"},
        harmless=("id", "practitioner", "account", "fetched_at", "expires_at"),
    )

    class Meta:
        """Kept for a day at most, by construction."""

        constraints = (
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="busy_range"),
            models.CheckConstraint(
                condition=Q(
                    expires_at__lte=ExpressionWrapper(
                        F("fetched_at") + BUSY_LIFE, output_field=models.DateTimeField()
                    )
                ),
                name="busy_for_a_day",
            ),
        )
        indexes = (
            models.Index(fields=("practitioner", "ends_at"), name="busy_agenda"),
            models.Index(fields=("expires_at",), name="busy_expires"),
        )

    def __str__(self) -> str:
        return f"{self.practitioner_id}"


class Channel(models.Model):
    """A push channel: Google knocks, and we look. Its token is random and kept as a hash."""

    class Target(models.TextChoices):
        """What it watches."""

        OWN = "own", "l’agenda « Rendez-vous »"
        MAIN = "main", "l’agenda principal"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    account = models.ForeignKey(GoogleAccount, on_delete=models.CASCADE, related_name="channels")
    target = models.CharField(max_length=4, choices=Target)
    token_hash = models.BinaryField(max_length=32)
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    is_live = models.BooleanField(default=True)

    personal_data = declare(
        subjects="praticiens",
        purpose="être averti d’un changement de l’agenda du praticien",
        legal_basis="6.1.b",
        recipients=("Google", "lib-rdv"),
        source="le praticien",
        retention="sept jours, ou la déconnexion",
        personal={"sealed": "nom technique d’un agenda"},
        harmless=(
            "id",
            "ref",
            "account",
            "target",
            "token_hash",
            "created_at",
            "expires_at",
            "is_live",
        ),
    )

    def __str__(self) -> str:
        return self.ref.hex

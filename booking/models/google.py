"""The Google account of a practitioner: its key, its tokens, and the events that its calendar should hold.

No column holds an identifier of Google: that of a calendar is in the sealed blob, that of an event is computed
(B-32).
"""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from booking.models.appointment import Appointment
from booking.models.practitioner import Practitioner
from booking.rules.erasure import EventCleanup, Level
from tenants.keyring.models import DataKey
from tenants.personal_data import declare
from tenants.refs import new_ref

BUSY_LIFE = timedelta(hours=24)
"""The longest life of data read from a calendar (B-32)."""
BUSY_KEPT = timedelta(hours=22)
"""How long busy times are used; the hourly sweep deletes them before ``BUSY_LIFE`` ends."""


class GoogleAccount(models.Model):
    """The link of one practitioner with Google (B-30, S-15): tokens sealed under a key of this row alone.

    ``lease`` and ``leased_until`` let one worker at a time call Google for the account. ``poll_at`` is when
    its calendar is read next. ``open_until`` belongs to the circuit breaker: no call is made before it.
    """

    class LinkState(models.TextChoices):
        """Whether the link works, must be made again, or is being ended."""

        CONNECTED = "connected", "connecté"
        RECONNECT = "reconnect", "à reconnecter"
        DISCONNECTING = "leaving", "en cours de déconnexion"

    class AccountKind(models.TextChoices):
        """Whether the contract of an organisation covers the account (B-36)."""

        CONSUMER = "consumer", "compte personnel"
        WORKSPACE = "workspace", "compte d’organisation (Workspace)"

    class OnDisconnect(models.TextChoices):
        """What happens to the calendar made by lib-rdv when the link ends."""

        KEEP = "keep", "le garder tel quel"
        EMPTY = "empty", "le vider"
        DELETE = "delete", "le supprimer"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.OneToOneField(
        Practitioner, on_delete=models.CASCADE, related_name="google_account"
    )
    # Without a constraint of the database: the key tables are dumped apart (design section 4).
    data_key = models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=LinkState, default=LinkState.CONNECTED)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.CONSUMER)
    level = models.SmallIntegerField(
        choices=[(level.value, level.name) for level in Level], default=0
    )
    on_erasure = models.CharField(
        max_length=10,
        choices=[(event_cleanup.value, event_cleanup.name) for event_cleanup in EventCleanup],
        default="keep",
    )
    on_disconnect = models.CharField(max_length=6, choices=OnDisconnect, default=OnDisconnect.KEEP)
    has_addendum = models.BooleanField(default=False)
    # Whether the event of a home visit holds its address, on instruction of the client (B-14, B-33).
    writes_home_address = models.BooleanField(default=False, db_default=False)
    can_read_busy = models.BooleanField(default=False)
    is_instant = models.BooleanField(default=False)
    # Whether a lost link closes online booking for the practitioner (B-35).
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
            "on_disconnect",
            "has_addendum",
            "writes_home_address",
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
        """Level L2 without an addendum needs an instruction of the client, recorded in the audit trail (B-33)."""

        constraints = (
            models.CheckConstraint(
                condition=Q(level__gte=0, level__lte=2), name="google_level_exists"
            ),
            models.CheckConstraint(
                condition=Q(writes_home_address=False) | Q(level=Level.NAMED.value),
                name="google_home_address_needs_names",
            ),
        )
        indexes = (
            models.Index(fields=("poll_at",), condition=Q(state="connected"), name="google_poll"),
        )

    def __str__(self) -> str:
        return self.ref.hex


class Authorization(models.Model):
    """One attempt to link an account: bound to user, session and tenant; valid once, for ten minutes (B-30).

    The verifier, and the code until it is exchanged, are sealed under a key that is destroyed with the attempt.
    """

    class AttemptState(models.TextChoices):
        """The progress of the attempt."""

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
    is_instant_wanted = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=AttemptState, default=AttemptState.ASKED)
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
            "is_instant_wanted",
            "state",
            "failure",
            "created_at",
            "expires_at",
        ),
    )

    def __str__(self) -> str:
        return self.ref.hex


class CalendarEntry(models.Model):
    """The event of one appointment in the calendar of one account, without its text.

    ``version`` counts the changes of the appointment; ``pushed`` is the last version that Google confirmed.
    The worker always writes the present state, so that five changes may need one call.
    """

    class EventState(models.TextChoices):
        """The last known state of the event in Google."""

        PENDING = "pending", "à inscrire"
        WRITTEN = "written", "inscrit"
        MOVED = "moved", "déplacé dans Google"
        DELETED = "deleted", "supprimé dans Google"
        GONE = "gone", "retiré"
        REFUSED = "refused", "refusé par Google"

    DIFFERENT = (EventState.MOVED, EventState.DELETED)
    """The practitioner has changed the event in Google and has to decide which of the two applies."""

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="calendar_entries"
    )
    # NULL after the account is deleted: the event may remain in a calendar that lib-rdv no longer reaches.
    account = models.ForeignKey(
        GoogleAccount, on_delete=models.SET_NULL, null=True, related_name="entries"
    )
    state = models.CharField(max_length=8, choices=EventState, default=EventState.PENDING)
    version = models.IntegerField(default=1)
    pushed = models.IntegerField(default=0)
    changed_at = models.DateTimeField()
    pushed_at = models.DateTimeField(null=True)
    generation = models.SmallIntegerField(default=0)
    etag = models.CharField(max_length=80, blank=True, default="")
    level = models.SmallIntegerField(null=True)
    cleanup = models.CharField(
        max_length=10,
        choices=[(event_cleanup.value, event_cleanup.name) for event_cleanup in EventCleanup],
        default="keep",
    )
    cleanup_at = models.DateTimeField(null=True)
    is_held_back = models.BooleanField(default=False)
    has_conflict = models.BooleanField(default=False)
    # The result of adopting the time that Google shows: a code, or "asked" until a worker has answered.
    answer = models.CharField(max_length=12, blank=True, default="")

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "appointment",
            "account",
            "state",
            "version",
            "pushed",
            "changed_at",
            "pushed_at",
            "generation",
            "etag",
            "level",
            "cleanup",
            "cleanup_at",
            "is_held_back",
            "has_conflict",
            "answer",
        ),
    )

    class Meta:
        """One event per appointment and account; an index finds the entries that wait to be pushed."""

        constraints = (
            models.UniqueConstraint(fields=("appointment", "account"), name="entry_once"),
            models.CheckConstraint(condition=Q(pushed__lte=F("version")), name="entry_not_ahead"),
        )
        indexes = (
            models.Index(
                fields=("account", "changed_at"),
                condition=Q(version__gt=F("pushed")),
                name="entry_waiting",
            ),
        )

    def __str__(self) -> str:
        return f"{self.appointment_id}/{self.account_id}"


class CalendarTask(models.Model):
    """A task for the practitioner about an appointment; it holds no name of a person (B-28, B-34)."""

    class TaskKind(models.TextChoices):
        """Call the person, or erase the event by hand."""

        CALL = "call", "prévenir la personne par téléphone"
        ERASE = "erase", "effacer le rendez-vous dans Google Agenda"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="calendar_tasks"
    )
    kind = models.CharField(max_length=5, choices=TaskKind)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "ref", "appointment", "kind", "created_at", "completed_at"),
    )

    class Meta:
        """One task of a kind per appointment."""

        constraints = (models.UniqueConstraint(fields=("appointment", "kind"), name="task_once"),)
        indexes = (
            models.Index(
                fields=("created_at",), condition=Q(completed_at__isnull=True), name="task_open"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex


class BusyInterval(models.Model):
    """A busy time [starts_at, ends_at) of the practitioner's own calendar, without title or id (B-32)."""

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
        """A CHECK limits the life of a row to 24 hours."""

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
    """A push channel on which Google announces changes; its random token is stored as a hash."""

    class Target(models.TextChoices):
        """The calendar that the channel watches."""

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

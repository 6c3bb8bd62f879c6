"""Publishing the extra fields of the patients' form: purpose, basis and retention first (B-03)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, QuerySet
from django.utils.translation import gettext

from booking.denied_fields import is_denied
from booking.errors import BookingError
from booking.models import ExtraField, FormVersion, Location
from booking.services import deadlines
from booking.services.locks import lock_names
from tenants.trail import services as trail


class FieldRefused(BookingError):  # named after what happened
    """A question that B-03 denies, or that does not say why it is asked; ``key`` names it."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key, self.reason = key, reason


ADDRESS = "adresse"
"""Key of the question that home visits need (B-14)."""


@dataclass(frozen=True)
class Question:
    """One extra field to publish; ``place_kind`` limits it to one kind of place ("" for all)."""

    key: str
    label: str
    kind: ExtraField.Kind
    purpose: str
    retention: str
    legal_basis: ExtraField.Basis = ExtraField.Basis.CONTRACT
    choices: tuple[str, ...] = ()
    is_mandatory: bool = False
    place_kind: str = ""


def publish(*, questions: Sequence[Question], actor: str, now: datetime) -> FormVersion:
    """Publish a new immutable version of the form and return it; no question: the bare form.

    Raises FieldRefused and publishes nothing when one question is refused. The notice's version moves
    with the form's, in the same transaction (C-05).
    """
    for question in questions:
        _check(question)
    last = FormVersion.objects.order_by("-number").values_list("number", flat=True).first()
    version = FormVersion.objects.create(number=(last or 0) + 1, created_at=now, published_at=now)
    ExtraField.objects.bulk_create(
        ExtraField(
            version=version,
            key=question.key,
            label=question.label,
            kind=question.kind,
            choices=list(question.choices),
            purpose=question.purpose,
            legal_basis=question.legal_basis,
            retention=question.retention,
            is_mandatory=question.is_mandatory,
            place_kind=question.place_kind,
            position=position,
        )
        for position, question in enumerate(questions)
    )
    practice = deadlines.practice()
    practice.notice_version += 1
    practice.save(update_fields=["notice_version"])
    trail.record(verb="form.published", ref=version.ref, actor=actor, now=now)
    return version


def lacks_address() -> bool:
    """Whether visits are made at home though the published form asks for no address (B-14): one query.

    Nobody then knows where to go, and the postcodes served cannot be checked.
    """
    asked = ExtraField.objects.filter(
        version__in=_newest().values("pk")[:1],
        kind=ExtraField.Kind.ADDRESS,
        place_kind__in=("", Location.Kind.HOME),
    )
    at_home = Location.objects.filter(kind=Location.Kind.HOME, is_active=True)
    return at_home.filter(~Exists(asked)).exists()


def ask_address(*, actor: str, now: datetime) -> FormVersion | None:
    """Publish the form with the question that home visits need; None when it is asked already.

    The other questions of the published form stay as they are.
    """
    lock_names(["form"])  # two presses at once publish one version
    if not lacks_address():
        return None
    held = ExtraField.objects.filter(version__in=_newest().values("pk")[:1]).exclude(key=ADDRESS)
    address = Question(
        key=ADDRESS,
        label=gettext("À quelle adresse venir\u00a0?"),
        kind=ExtraField.Kind.ADDRESS,
        purpose=gettext("venir chez vous"),
        retention=gettext("effacée avec le rendez-vous"),
        is_mandatory=True,
        place_kind=Location.Kind.HOME,
    )
    return publish(questions=[address, *map(_question, held)], actor=actor, now=now)


def _newest() -> QuerySet[FormVersion]:
    return FormVersion.objects.filter(published_at__isnull=False).order_by("-number")


def _question(field: ExtraField) -> Question:
    return Question(
        key=field.key,
        label=field.label,
        kind=ExtraField.Kind(field.kind),
        purpose=field.purpose,
        retention=field.retention,
        legal_basis=ExtraField.Basis(field.legal_basis),
        choices=tuple(field.choices),
        is_mandatory=field.is_mandatory,
        place_kind=field.place_kind,
    )


def _check(question: Question) -> None:
    if is_denied(question.key, question.label, *question.choices):
        raise FieldRefused(question.key, "denied")
    if not question.purpose.strip() or not question.retention.strip():
        raise FieldRefused(question.key, "unexplained")
    if question.kind == ExtraField.Kind.CHOICE and len(question.choices) < 2:
        raise FieldRefused(question.key, "no_choice")

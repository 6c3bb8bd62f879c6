"""Publishes the extra fields of the patients' form; each needs purpose, legal basis and retention (B-03)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, QuerySet, Subquery
from django.utils.translation import gettext

from booking.models import ExtraField, FormVersion, Location
from booking.rules.errors import BookingError
from booking.rules.persons import Person, is_denied
from booking.scheduling.catalogue import bump_notice_version
from booking.scheduling.locks import lock_names
from tenants.audit import services as audit


class FieldRefused(BookingError):  # named after what happened
    """B-03 denies the question ``key``, or the question lacks a purpose, a retention or choices."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key, self.reason = key, reason


ADDRESS = "adresse"
"""The key of the question for the address, which home visits need (B-14)."""


@dataclass(frozen=True)
class FormQuestion:
    """An extra field to publish; ``place_kind`` limits it to one kind of place ("": all kinds)."""

    key: str
    label: str
    kind: ExtraField.FieldKind
    purpose: str
    retention: str
    legal_basis: ExtraField.Basis = ExtraField.Basis.CONTRACT
    choices: tuple[str, ...] = ()
    is_mandatory: bool = False
    place_kind: str = ""


def publish(*, questions: Sequence[FormQuestion], actor: str, now: datetime) -> FormVersion:
    """Publish a new immutable version of the form and return it; without questions the form has no extra field.

    Raises FieldRefused and publishes nothing when one question is refused. The version of the privacy notice
    increases in the same transaction (C-05).
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
    bump_notice_version()
    audit.record(verb="form.published", ref=version.ref, actor=actor, now=now)
    return version


def published_version() -> FormVersion | None:
    """Return the newest published form, or None when the practice has published none."""
    return _newest().first()


def lacks_address() -> bool:
    """Return whether the practice has home visits but its published form has no address field (B-14): one query.

    Without the address the practitioner cannot come, and the served postcodes cannot be checked.
    """
    asked = ExtraField.objects.filter(
        version__in=_newest().values("pk")[:1],
        kind=ExtraField.FieldKind.ADDRESS,
        place_kind__in=("", Location.LocationKind.HOME),
    )
    at_home = Location.objects.filter(kind=Location.LocationKind.HOME, is_active=True)
    return at_home.filter(~Exists(asked)).exists()


def ask_address(*, actor: str, now: datetime) -> FormVersion | None:
    """Publish the form with the question for the address; None when the form has it already.

    The other questions of the published form do not change.
    """
    lock_names(["form"])  # two concurrent requests publish one version
    if not lacks_address():
        return None
    extra_fields = ExtraField.objects.filter(version__in=_newest().values("pk")[:1]).exclude(
        key=ADDRESS
    )
    address = FormQuestion(
        key=ADDRESS,
        label=gettext("À quelle adresse venir\u00a0?"),
        kind=ExtraField.FieldKind.ADDRESS,
        purpose=gettext("venir chez vous"),
        retention=gettext("effacée avec le rendez-vous"),
        is_mandatory=True,
        place_kind=Location.LocationKind.HOME,
    )
    return publish(questions=[address, *map(_question, extra_fields)], actor=actor, now=now)


def home_address_of(person: Person) -> str:
    """Return the address that the person gave for a home visit, on one line, or "" (B-14): one query."""
    asked = ExtraField.objects.filter(kind=ExtraField.FieldKind.ADDRESS).order_by(
        "-version__number"
    )
    given = (person.extras.get(key, "") for key in asked.values_list("key", flat=True))
    return ", ".join(next((text for text in given if text), "").split("\n"))


def address_keys() -> frozenset[str]:
    """Return the keys of all questions for an address, of each version; none when the published form has none.

    A home visit whose person answered none of them lacks its address. One query.
    """
    newest = _newest().values("number")[:1]
    asked = ExtraField.objects.filter(
        kind=ExtraField.FieldKind.ADDRESS, place_kind__in=("", Location.LocationKind.HOME)
    ).annotate(newest=Subquery(newest))
    found = list(asked.values_list("key", "version__number", "newest"))
    if not any(number == published for _key, number, published in found):
        return frozenset()
    return frozenset(key for key, _number, _published in found)


def questions_of(keys: Collection[str]) -> list[ExtraField]:
    """Return the newest question of each key, also of a form that is no longer published: one query."""
    if not keys:
        return []
    newest = ExtraField.objects.filter(key__in=keys).order_by("key", "-version__number")
    return sorted(newest.distinct("key"), key=lambda field: field.position)


def labelled_answers(person: Person) -> dict[str, str]:
    """Return the answers of a person by the label of their question, or by key without one: one query."""
    labels = {field.key: field.label for field in questions_of(person.extras.keys())}
    order = {key: place for place, key in enumerate(labels)}
    given = sorted(person.extras.items(), key=lambda item: order.get(item[0], len(order)))
    return {labels.get(key, key): answer for key, answer in given}


def _newest() -> QuerySet[FormVersion]:
    return FormVersion.objects.filter(published_at__isnull=False).order_by("-number")


def _question(field: ExtraField) -> FormQuestion:
    return FormQuestion(
        key=field.key,
        label=field.label,
        kind=ExtraField.FieldKind(field.kind),
        purpose=field.purpose,
        retention=field.retention,
        legal_basis=ExtraField.Basis(field.legal_basis),
        choices=tuple(field.choices),
        is_mandatory=field.is_mandatory,
        place_kind=field.place_kind,
    )


def _check(question: FormQuestion) -> None:
    if is_denied(question.key, question.label, *question.choices):
        raise FieldRefused(question.key, "denied")
    if not question.purpose.strip() or not question.retention.strip():
        raise FieldRefused(question.key, "unexplained")
    if question.kind == ExtraField.FieldKind.CHOICE and len(question.choices) < 2:
        raise FieldRefused(question.key, "no_choice")

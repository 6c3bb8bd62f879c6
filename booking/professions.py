"""Ready beginnings by profession: motifs with neutral labels (B-04) and a usual week, to be corrected."""

import unicodedata
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.models import Location, Practice

OFFICE, HOME, VIDEO = Location.Kind.OFFICE, Location.Kind.HOME, Location.Kind.VIDEO
_DAY_BEFORE = 24 * 60


@dataclass(frozen=True)
class MotifTemplate:
    """A motif as most of the profession offer it; the label says nothing of anybody's health."""

    label: Promise | str
    duration_min: int
    place: Location.Kind = OFFICE
    is_for_new_patients: bool = False
    buffer_before_min: int = 0
    buffer_after_min: int = 0
    min_notice_min: int = 120
    cancel_hours: int = 24


@dataclass(frozen=True)
class Profession:
    """What a profession begins with."""

    key: str
    label: Promise | str
    kind: Practice.Kind
    words: tuple[str, ...]
    """How an order names it, without accents."""
    motifs: tuple[MotifTemplate, ...]
    hours: tuple[tuple[int, int], ...] = ((9 * 60, 12 * 60), (14 * 60, 18 * 60))
    """Ranges from Monday to Friday."""


def _visit(duration_min: int) -> MotifTemplate:
    return MotifTemplate(
        _("Visite à domicile"),
        duration_min,
        HOME,
        buffer_before_min=20,
        buffer_after_min=20,
        min_notice_min=_DAY_BEFORE,
    )


PROFESSIONS = (
    Profession(
        "osteopathe",
        _("Ostéopathe"),
        Practice.Kind.REGULATED,
        ("osteo",),
        (
            MotifTemplate(_("Première consultation"), 60, is_for_new_patients=True),
            MotifTemplate(_("Consultation"), 45),
            _visit(60),
        ),
    ),
    Profession(
        "kinesitherapeute",
        _("Masseur-kinésithérapeute"),
        Practice.Kind.HEALTH,
        ("kine", "physio"),
        (
            MotifTemplate(_("Première séance"), 45, is_for_new_patients=True),
            MotifTemplate(_("Séance"), 30),
            _visit(45),
        ),
        ((8 * 60 + 30, 12 * 60 + 30), (14 * 60, 19 * 60)),
    ),
    Profession(
        "dieteticien",
        _("Diététicien ou diététicienne"),
        Practice.Kind.HEALTH,
        ("diet", "nutrition"),
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Suivi"), 30),
            MotifTemplate(_("Suivi en visio"), 30, VIDEO),
        ),
    ),
    Profession(
        "psychologue",
        _("Psychologue"),
        Practice.Kind.REGULATED,
        ("psychologue", "neuropsycho"),
        (
            MotifTemplate(
                _("Premier rendez-vous"), 60, is_for_new_patients=True, buffer_after_min=10
            ),
            MotifTemplate(_("Séance"), 50, buffer_after_min=10, cancel_hours=48),
            MotifTemplate(_("Séance en visio"), 50, VIDEO, buffer_after_min=10, cancel_hours=48),
        ),
    ),
    Profession(
        "orthophoniste",
        _("Orthophoniste"),
        Practice.Kind.HEALTH,
        ("orthophon",),
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Séance"), 30),
            MotifTemplate(_("Bilan"), 60, min_notice_min=_DAY_BEFORE),
        ),
    ),
    Profession(
        "bien-etre",
        _("Bien-être (sophrologie, naturopathie, massage…)"),
        Practice.Kind.WELLBEING,
        (
            "sophro",
            "naturo",
            "reflexo",
            "hypno",
            "massage",
            "bien-etre",
            "bien etre",
            "yoga",
            "relax",
            "shiatsu",
        ),
        (
            MotifTemplate(_("Première séance"), 75, is_for_new_patients=True, buffer_after_min=15),
            MotifTemplate(_("Séance"), 60, buffer_after_min=15),
            _visit(60),
        ),
        ((10 * 60, 13 * 60), (14 * 60, 19 * 60)),
    ),
    Profession(
        "autre",
        _("Autre profession"),
        Practice.Kind.OTHER,
        (),
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Rendez-vous"), 30),
        ),
    ),
)
OTHER = PROFESSIONS[-1]


def by_key(key: str) -> Profession | None:
    """Return the profession of a key."""
    return next((one for one in PROFESSIONS if one.key == key), None)


def recognised(profession: str, kind: str = "") -> Profession | None:
    """Return the profession that an order or a setting names in its own words, else by its kind."""
    plain = _plain(profession)
    for one in PROFESSIONS:
        if any(word in plain for word in one.words):
            return one
    if kind == Practice.Kind.WELLBEING:
        return by_key("bien-etre")
    return None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))

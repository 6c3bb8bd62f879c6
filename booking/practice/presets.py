"""The presets of each profession: appointment types with neutral labels (B-04) and a usual week, to be adapted.

``tenants.website.professions`` has the list of professions and recognises them in titles.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.models import Location, Practice
from tenants.website import professions

OFFICE, HOME, VIDEO = (
    Location.LocationKind.OFFICE,
    Location.LocationKind.HOME,
    Location.LocationKind.VIDEO,
)
_DAY_BEFORE = 24 * 60


@dataclass(frozen=True)
class AppointmentTypePreset:
    """An appointment type that is usual in the profession; its label reveals nothing about a patient's health."""

    label: Promise | str
    duration_min: int
    place: Location.LocationKind = OFFICE
    is_for_new_patients: bool = False
    buffer_before_min: int = 0
    buffer_after_min: int = 0
    min_notice_min: int = 120
    cancel_hours: int = 24


@dataclass(frozen=True)
class ProfessionPreset:
    """The preset of one or several professions; the first of ``codes`` is its key."""

    codes: tuple[str, ...]
    kind: Practice.PracticeKind
    appointment_types: tuple[AppointmentTypePreset, ...]
    hours: tuple[tuple[int, int], ...] = ((9 * 60, 12 * 60), (14 * 60, 18 * 60))
    """Opening ranges from Monday to Friday, in minutes of the local day."""
    title: Promise | str = ""
    """The common name of several professions, else the name of the profession."""
    words: tuple[str, ...] = ()
    """Further words in titles by which the preset is recognised, without accents; they are no protected titles."""

    @property
    def key(self) -> str:
        """The value in forms and addresses."""
        return self.codes[0]

    @property
    def label(self) -> Promise | str:
        """The name on screen."""
        return self.title or professions.profession(self.key).label


def _visit(duration_min: int) -> AppointmentTypePreset:
    return AppointmentTypePreset(
        _("Visite à domicile"),
        duration_min,
        HOME,
        buffer_before_min=20,
        buffer_after_min=20,
        min_notice_min=_DAY_BEFORE,
    )


PRESETS = (
    ProfessionPreset(
        ("osteopathe",),
        Practice.PracticeKind.REGULATED,
        (
            AppointmentTypePreset(_("Première consultation"), 60, is_for_new_patients=True),
            AppointmentTypePreset(_("Consultation"), 45),
            _visit(60),
        ),
    ),
    ProfessionPreset(
        ("kine",),
        Practice.PracticeKind.HEALTH,
        (
            AppointmentTypePreset(_("Première séance"), 45, is_for_new_patients=True),
            AppointmentTypePreset(_("Séance"), 30),
            _visit(45),
        ),
        ((8 * 60 + 30, 12 * 60 + 30), (14 * 60, 19 * 60)),
        words=("physio",),
    ),
    ProfessionPreset(
        ("dieteticien",),
        Practice.PracticeKind.HEALTH,
        (
            AppointmentTypePreset(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            AppointmentTypePreset(_("Suivi"), 30),
            AppointmentTypePreset(_("Suivi en visio"), 30, VIDEO),
        ),
        words=("diet", "nutrition"),
    ),
    ProfessionPreset(
        ("psychologue",),
        Practice.PracticeKind.REGULATED,
        (
            AppointmentTypePreset(
                _("Premier rendez-vous"), 60, is_for_new_patients=True, buffer_after_min=10
            ),
            AppointmentTypePreset(_("Séance"), 50, buffer_after_min=10, cancel_hours=48),
            AppointmentTypePreset(
                _("Séance en visio"), 50, VIDEO, buffer_after_min=10, cancel_hours=48
            ),
        ),
    ),
    ProfessionPreset(
        ("orthophoniste",),
        Practice.PracticeKind.HEALTH,
        (
            AppointmentTypePreset(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            AppointmentTypePreset(_("Séance"), 30),
            AppointmentTypePreset(_("Bilan"), 60, min_notice_min=_DAY_BEFORE),
        ),
    ),
    ProfessionPreset(
        ("sophrologue", "naturopathe"),
        Practice.PracticeKind.WELLBEING,
        (
            AppointmentTypePreset(
                _("Première séance"), 75, is_for_new_patients=True, buffer_after_min=15
            ),
            AppointmentTypePreset(_("Séance"), 60, buffer_after_min=15),
            _visit(60),
        ),
        ((10 * 60, 13 * 60), (14 * 60, 19 * 60)),
        title=_("Bien-être (sophrologie, naturopathie, massage…)"),
        words=("reflexo", "hypno", "massage", "bien-etre", "bien etre", "yoga", "relax", "shiatsu"),
    ),
    ProfessionPreset(
        ("autre",),
        Practice.PracticeKind.OTHER,
        (
            AppointmentTypePreset(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            AppointmentTypePreset(_("Rendez-vous"), 30),
        ),
    ),
)
OTHER = PRESETS[-1]


WELLBEING = PRESETS[-2]


def by_key(key: str) -> ProfessionPreset | None:
    """Return the preset of a key, or None."""
    return next((preset for preset in PRESETS if preset.key == key), None)


def recognised(profession: str, kind: str = "") -> ProfessionPreset | None:
    """Return the preset of a profession as an order or a setting spells it, else by its kind, else None."""
    for named in professions.named_by(profession):
        for preset in PRESETS:
            if named.code in preset.codes:
                return preset
    plain_title = professions.plain(profession)
    for preset in PRESETS:
        if any(word in plain_title for word in preset.words):
            return preset
    return WELLBEING if kind == Practice.PracticeKind.WELLBEING else None

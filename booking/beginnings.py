"""Ready beginnings by profession: motifs with neutral labels (B-04) and a usual week, to be corrected.

Which professions there are, and how titles name them, stands in ``tenants.website.professions``.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.models import Location, Practice
from tenants.website import professions

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
class Beginning:
    """What some professions begin with; the first of their codes is its key."""

    codes: tuple[str, ...]
    kind: Practice.Kind
    motifs: tuple[MotifTemplate, ...]
    hours: tuple[tuple[int, int], ...] = ((9 * 60, 12 * 60), (14 * 60, 18 * 60))
    """Ranges from Monday to Friday."""
    title: Promise | str = ""
    """How several of them are called together."""
    words: tuple[str, ...] = ()
    """What else names them, without accents: words that make nobody a member of a profession of the list."""

    @property
    def key(self) -> str:
        """What forms and addresses call it."""
        return self.codes[0]

    @property
    def label(self) -> Promise | str:
        """How it is called on screen."""
        return self.title or professions.profession(self.key).label


def _visit(duration_min: int) -> MotifTemplate:
    return MotifTemplate(
        _("Visite à domicile"),
        duration_min,
        HOME,
        buffer_before_min=20,
        buffer_after_min=20,
        min_notice_min=_DAY_BEFORE,
    )


BEGINNINGS = (
    Beginning(
        ("osteopathe",),
        Practice.Kind.REGULATED,
        (
            MotifTemplate(_("Première consultation"), 60, is_for_new_patients=True),
            MotifTemplate(_("Consultation"), 45),
            _visit(60),
        ),
    ),
    Beginning(
        ("kine",),
        Practice.Kind.HEALTH,
        (
            MotifTemplate(_("Première séance"), 45, is_for_new_patients=True),
            MotifTemplate(_("Séance"), 30),
            _visit(45),
        ),
        ((8 * 60 + 30, 12 * 60 + 30), (14 * 60, 19 * 60)),
        words=("physio",),
    ),
    Beginning(
        ("dieteticien",),
        Practice.Kind.HEALTH,
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Suivi"), 30),
            MotifTemplate(_("Suivi en visio"), 30, VIDEO),
        ),
        words=("diet", "nutrition"),
    ),
    Beginning(
        ("psychologue",),
        Practice.Kind.REGULATED,
        (
            MotifTemplate(
                _("Premier rendez-vous"), 60, is_for_new_patients=True, buffer_after_min=10
            ),
            MotifTemplate(_("Séance"), 50, buffer_after_min=10, cancel_hours=48),
            MotifTemplate(_("Séance en visio"), 50, VIDEO, buffer_after_min=10, cancel_hours=48),
        ),
    ),
    Beginning(
        ("orthophoniste",),
        Practice.Kind.HEALTH,
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Séance"), 30),
            MotifTemplate(_("Bilan"), 60, min_notice_min=_DAY_BEFORE),
        ),
    ),
    Beginning(
        ("sophrologue", "naturopathe"),
        Practice.Kind.WELLBEING,
        (
            MotifTemplate(_("Première séance"), 75, is_for_new_patients=True, buffer_after_min=15),
            MotifTemplate(_("Séance"), 60, buffer_after_min=15),
            _visit(60),
        ),
        ((10 * 60, 13 * 60), (14 * 60, 19 * 60)),
        title=_("Bien-être (sophrologie, naturopathie, massage…)"),
        words=("reflexo", "hypno", "massage", "bien-etre", "bien etre", "yoga", "relax", "shiatsu"),
    ),
    Beginning(
        ("autre",),
        Practice.Kind.OTHER,
        (
            MotifTemplate(_("Premier rendez-vous"), 60, is_for_new_patients=True),
            MotifTemplate(_("Rendez-vous"), 30),
        ),
    ),
)
OTHER = BEGINNINGS[-1]


WELLBEING = BEGINNINGS[-2]


def by_key(key: str) -> Beginning | None:
    """Return the beginning of a key."""
    return next((one for one in BEGINNINGS if one.key == key), None)


def recognised(profession: str, kind: str = "") -> Beginning | None:
    """Return what a profession begins with that an order or a setting names in its own words, or its kind."""
    for named in professions.named_by(profession):
        for one in BEGINNINGS:
            if named.code in one.codes:
                return one
    said = professions.plain(profession)
    for one in BEGINNINGS:
        if any(word in said for word in one.words):
            return one
    return WELLBEING if kind == Practice.Kind.WELLBEING else None

"""The time zones of France that a location may have, with their French names (B-18)."""

from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy

ZONES = (
    ("Europe/Paris", gettext_lazy("Paris (métropole)")),
    ("America/Guadeloupe", gettext_lazy("Guadeloupe")),
    ("America/Martinique", gettext_lazy("Martinique")),
    ("America/Cayenne", gettext_lazy("Guyane")),
    ("Indian/Reunion", gettext_lazy("La Réunion")),
    ("Indian/Mayotte", gettext_lazy("Mayotte")),
    ("America/St_Barthelemy", gettext_lazy("Saint-Barthélemy")),
    ("America/Marigot", gettext_lazy("Saint-Martin")),
    ("America/Miquelon", gettext_lazy("Saint-Pierre-et-Miquelon")),
    ("Pacific/Tahiti", gettext_lazy("Polynésie, Tahiti")),
    ("Pacific/Marquesas", gettext_lazy("Polynésie, Marquises")),
    ("Pacific/Gambier", gettext_lazy("Polynésie, Gambier")),
    ("Pacific/Noumea", gettext_lazy("Nouvelle-Calédonie")),
    ("Pacific/Wallis", gettext_lazy("Wallis-et-Futuna")),
)


def zone_choices() -> list[tuple[str, Any]]:
    """Return the time zones of France in the time zone database."""
    known = available_timezones()
    return [(zone, name) for zone, name in ZONES if zone in known]

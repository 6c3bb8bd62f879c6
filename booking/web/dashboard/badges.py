"""The badges of the dashboard: a label in a frame, with the class of its colour and its icon."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Badge:
    """One badge. ``tone`` is ok, warn or bad, empty for grey; ``icon`` is empty for none."""

    label: Promise | str
    tone: str = ""
    icon: str = ""

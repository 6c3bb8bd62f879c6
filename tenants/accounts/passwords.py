"""The password rules of S-02: twelve varied characters without a known word, or seven words."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants.form_fields import LONGEST_PASSWORD

MIN_LENGTH = 12
MIN_WORDS = 7
MIN_DIGITS = 16
"""A digit has 3.3 bits: sixteen digits reach the 50 bits required beside a limit on attempts."""
MIN_DIFFERENT = 5

_WORDS = (
    "admin administrateur amour anticonstitutionnellement azerty azertyqwerty azertyuiop "
    "bienvenue bonjour cabinet changemoi chocolat chouchou coucou dietetique dieteticien "
    "dieteticienne doctolib doudou france iloveyou infirmier infirmiere jetaime "
    "kinesitherapeute letmein librdv loulou marseille medecin monmotdepasse motdepasse "
    "motsdepasse naruto osteopathe osteopathie p@ssword passw0rd password patient praticien "
    "psychologue qwerty qwertyuiop rdv rendezvous secret secretariat soleil sophrologue "
    "superman toulouse utilisateur welcome "
)
KNOWN_CORES = frozenset(_WORDS.split())
"""Words on which French passwords are based; digits and signs at either end are removed before the look-up."""


class LongEnough:
    """Validates length and variety: twelve characters, or seven different words."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError with the rule when the password is too weak."""
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(_("128 caractères au plus."), code="password_too_long")
        words = {word.lower() for word in re.findall(r"\w+", password)}
        if len(words) >= MIN_WORDS:
            return
        too_short = len(password) < MIN_LENGTH
        only_digits = password.isdigit() and len(password) < MIN_DIGITS
        if too_short or only_digits or len(set(password.lower())) < MIN_DIFFERENT:
            raise ValidationError(self.get_help_text(), code="password_too_weak")

    def get_help_text(self) -> str:
        """Return the rule in one sentence."""
        return _(
            "Douze caractères au moins, pas seulement des chiffres ; "
            "ou une phrase d’au moins sept mots différents."
        )


class NotKnown:
    """Refuses a known word between digits and signs, and passwords that contain the user's address."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError when the core of the password is known, or part of the user's address."""
        lowered = password.lower()
        core = re.sub(r"[^a-zà-ÿ@]+", "", lowered).strip("@")
        email = str(getattr(user, "email", "") or "").lower()
        own = {part for part in [email, email.split("@")[0]] if len(part) >= 5}
        if core in KNOWN_CORES or any(part in lowered for part in own):
            raise ValidationError(self.get_help_text(), code="password_known")

    def get_help_text(self) -> str:
        """Return the rule in one sentence."""
        return _("Pas un mot connu suivi de chiffres, ni votre adresse e-mail.")

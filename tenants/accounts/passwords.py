"""Password rules of S-02: twelve characters that are not a number nor a known word, or seven words."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MIN_LENGTH = 12
MIN_WORDS = 7
MIN_DIGITS = 16
"""Figures alone carry 3.3 bits each: sixteen of them reach the 50 bits asked beside a limit."""
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
"""Words that a French password is built around; figures and signs at its ends change nothing."""


class LongEnough:
    """Twelve characters with enough variety, or a sentence of seven words."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError with what to do."""
        words = {word.lower() for word in re.findall(r"\w+", password)}
        if len(words) >= MIN_WORDS:
            return
        too_short = len(password) < MIN_LENGTH
        only_digits = password.isdigit() and len(password) < MIN_DIGITS
        if too_short or only_digits or len(set(password.lower())) < MIN_DIFFERENT:
            raise ValidationError(self.get_help_text(), code="password_too_weak")

    def get_help_text(self) -> str:
        """Say the rule in one sentence."""
        return _(
            "Douze caractères au moins, pas seulement des chiffres ; "
            "ou une phrase d’au moins sept mots différents."
        )


class NotKnown:
    """Refuses a known word dressed up with figures and signs, and the person's own address."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError when the core of the password is in the list."""
        lowered = password.lower()
        core = re.sub(r"[^a-zà-ÿ@]+", "", re.sub(r"^[\W\d_]+|[\W\d_]+$", "", lowered))
        email = str(getattr(user, "email", "") or "").lower()
        own = {part for part in [email, email.split("@")[0]] if len(part) >= 5}
        if core in KNOWN_CORES or any(part in lowered for part in own):
            raise ValidationError(self.get_help_text(), code="password_known")

    def get_help_text(self) -> str:
        """Say the rule in one sentence."""
        return _("Pas un mot connu suivi de chiffres, ni votre adresse e-mail.")

"""The sentences about the erasure of the person's data in e-mails about one appointment (T-1, T-2)."""

from collections.abc import Mapping
from datetime import date, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats import french
from booking.rules.erasure import Moment

_IN_REMINDER: Mapping[Moment, Promise] = {
    Moment.AFTER_REMINDER: gettext_lazy(
        "Après ce message, vos coordonnées sont effacées de notre site."
    ),
    Moment.WITHIN_A_DAY: gettext_lazy(
        "Vos coordonnées seront effacées de notre site dans les 24 heures qui suivent le rendez-vous."
    ),
    Moment.AFTER_APPOINTMENT: gettext_lazy(
        "Vos coordonnées seront effacées de notre site à la fin du rendez-vous."
    ),
}


def kept_until(moment: Moment, *, reminder: datetime | None, today: date) -> str:
    """Return until when the data are kept; ``reminder`` is in the zone of the location, None without reminder."""
    if reminder and moment is Moment.AFTER_REMINDER:
        return _(
            "gardées chiffrées jusqu'au rappel du %(moment)s, puis effacées de notre site."
        ) % {"moment": french.day_and_hour(reminder, today=today)}
    if moment is Moment.WITHIN_A_DAY:
        return _(
            "gardées chiffrées jusqu'au rendez-vous, puis effacées de notre site dans les 24 heures qui suivent."
        )
    return _("gardées chiffrées jusqu'à la fin du rendez-vous, puis effacées de notre site.")


def in_reminder(moment: Moment) -> str:
    """Return the sentence of a reminder that says when the data are erased."""
    return str(_IN_REMINDER[moment])

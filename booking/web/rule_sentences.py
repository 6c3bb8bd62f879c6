"""One sentence for the effect of each rule of an appointment type or a place, computed from its value."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.formats import french
from booking.models import AppointmentType, Location
from booking.rules.holidays import public_holidays

Values = Mapping[str, Any]
"""The readable values of a form; a field that is invalid or empty may be missing."""
_NINE = 9 * 60


def length(minutes: int) -> str:
    """Return « 45 minutes », « 1 heure 30 », « 2 jours »."""
    if minutes and minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return ngettext("%(n)s jour", "%(n)s jours", days) % {"n": days}
    hours, rest = divmod(minutes, 60)
    if not hours:
        return ngettext("%(n)s minute", "%(n)s minutes", rest) % {"n": rest}
    words = ngettext("%(n)s heure", "%(n)s heures", hours) % {"n": hours}
    return f"{words} {rest:02}" if rest else words


def appointment_type_sentences(values: Values, *, today: date) -> dict[str, str]:
    """Return a sentence for each rule of an appointment type, by the name of its field."""
    sentences: dict[str, Callable[[Values], str]] = {
        "duration_min": _duration,
        "buffer_before_min": _before,
        "buffer_after_min": _after,
        "step_min": _step,
        "min_notice_min": _min_notice,
        "horizon_days": lambda values: _horizon(values, today),
        "cancel_hours": _cancel,
        "channel": _channel,
        "is_for_new_patients": _new,
        "price_text": _price,
        "instructions": _instructions,
        "practitioners": _practitioners,
        "locations": _locations,
    }
    return {name: say(values) if name in values else "" for name, say in sentences.items()}


def _duration(values: Values) -> str:
    return _("Vos patients lisent «\u00a0%(n)s min\u00a0», et l’agenda compte %(said)s.") % {
        "n": values["duration_min"],
        "said": length(values["duration_min"]),
    }


def _before(values: Values) -> str:
    if not values["buffer_before_min"]:
        return _("Aucun temps n’est gardé avant.")
    return _(
        "Vous gardez %(said)s avant chaque rendez-vous\u00a0; vos patients ne le voient pas."
    ) % {"said": length(values["buffer_before_min"])}


def _after(values: Values) -> str:
    whole = sum(
        values.get(name) or 0 for name in ("duration_min", "buffer_before_min", "buffer_after_min")
    )
    if not values["buffer_after_min"]:
        return _("Aucun temps n’est gardé après. En tout, %(said)s de votre agenda.") % {
            "said": length(whole)
        }
    return _("Vous gardez %(said)s après. En tout, chaque rendez-vous prend %(whole)s.") % {
        "said": length(values["buffer_after_min"]),
        "whole": length(whole),
    }


def _step(values: Values) -> str:
    step = values["step_min"] or values.get("duration_min")
    if not step:
        return ""
    starts = [french.hour(_clock(_NINE + step * n)) for n in range(3)]
    words = {"said": length(step), "starts": ", ".join(starts)}
    return _("Une heure est proposée toutes les %(said)s\u00a0: %(starts)s…") % words


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _min_notice(values: Values) -> str:
    if not values["min_notice_min"]:
        return _("Vos patients peuvent réserver jusqu’à la dernière minute.")
    return _("Vos patients peuvent réserver jusqu’à %(said)s avant.") % {
        "said": length(values["min_notice_min"])
    }


def _horizon(values: Values, today: date) -> str:
    last = today + timedelta(days=values["horizon_days"])
    return _("Aujourd’hui, le dernier jour qu’ils peuvent choisir est le %(day)s.") % {
        "day": french.long_day(last, today=today)
    }


def _cancel(values: Values) -> str:
    hours = values["cancel_hours"]
    if not hours:
        return _("Vos patients annulent ou déplacent en ligne jusqu’à l’heure du rendez-vous.")
    words = {"said": length(hours * 60)}
    return (
        _("Vos patients annulent ou déplacent en ligne jusqu’à %(said)s avant.") % words
        + " "
        + _("Ensuite, la page leur demande d’appeler.")
    )


def _channel(values: Values) -> str:
    if values["channel"] == AppointmentType.BookableBy.STAFF:
        return _("Vos patients ne le voient pas\u00a0: seul le cabinet le donne.")
    return _("Vos patients le réservent en ligne\u00a0; le cabinet le donne aussi.")


def _new(values: Values) -> str:
    if values["is_for_new_patients"]:
        return _("La page ajoute «\u00a0pour une première venue\u00a0».")
    return _("La page n’ajoute rien\u00a0: il convient à tout le monde.")


def _price(values: Values) -> str:
    if values["price_text"]:
        return _("La page affiche «\u00a0%(text)s\u00a0».") % {"text": values["price_text"]}
    return _("La page n’affiche aucun tarif.")


def _instructions(values: Values) -> str:
    if values["instructions"]:
        return _(
            "La personne les lit une fois le rendez-vous pris, dans ses messages et dans son agenda."
        )
    return _("Aucune consigne.")


def _practitioners(values: Values) -> str:
    names = [row.name for row in values["practitioners"]]
    if len(names) == 1:
        return _("On le prend avec %(name)s.") % {"name": names[0]}
    return _("On choisit entre %(names)s, ou le premier libre.") % {"names": ", ".join(names)}


def _locations(values: Values) -> str:
    names = [row.name for row in values["locations"]]
    if len(names) == 1:
        return _("Il a lieu ici\u00a0: %(name)s.") % {"name": names[0]}
    return _("On choisit le lieu\u00a0: %(names)s.") % {"names": ", ".join(names)}


def place_in_words(values: Values, *, now: datetime) -> dict[str, str]:
    """Return a sentence for each rule of a place, by the name of its field."""
    zone = values.get("time_zone")
    return {
        "kind": _kind(values),
        "access_text": _access(values),
        "video_url": _video(values),
        "time_zone": _here(zone, now) if zone else "",
        "territory": _next_holiday(values, now.astimezone(ZoneInfo(zone)).date()) if zone else "",
        "served_postcodes": _served(values.get("served_postcodes") or []),
    }


def _kind(values: Values) -> str:
    words = {
        Location.LocationKind.OFFICE: _(
            "La personne vient à cette adresse\u00a0: elle la lit avant de choisir."
        ),
        Location.LocationKind.HOME: _(
            "Vous allez chez la personne, dans les codes postaux que vous desservez."
        ),
        Location.LocationKind.VIDEO: _("Personne ne se déplace."),
    }
    return words.get(values.get("kind", ""), "")


def _access(values: Values) -> str:
    if values.get("access_text"):
        return _("La page, les messages et le fichier d’agenda le disent à la personne.")
    return _("La page ne donne que l’adresse.")


def _video(values: Values) -> str:
    if values.get("kind") != Location.LocationKind.VIDEO:
        return _("Ne sert que pour un lieu en visio.")
    if values.get("video_url"):
        return _(
            "Seules les personnes qui ont pris rendez-vous le reçoivent\u00a0: page, messages, agenda."
        )
    return _("Sans lien ici, vous l’envoyez vous-même.")


def _here(zone: str, now: datetime) -> str:
    return _("Là-bas, il est %(hour)s en ce moment (%(name)s).") % {
        "hour": french.hour(now.astimezone(ZoneInfo(zone))),
        "name": french.zone_name(zone),
    }


def _next_holiday(values: Values, today: date) -> str:
    found: dict[date, str] = {}
    for year in (today.year, today.year + 1):
        found |= public_holidays(
            territory=values.get("territory", ""), postcode=values.get("postcode", ""), year=year
        )
    coming = min(on for on in found if on >= today)
    return _("Prochain jour férié fermé\u00a0: %(day)s, %(name)s.") % {
        "day": french.long_day(coming, today=today),
        "name": found[coming],
    }


def _served(codes: Sequence[str]) -> str:
    if not codes:
        return ""
    words = {"n": len(codes), "codes": ", ".join(codes[:3])}
    return (
        ngettext(
            "Un seul code postal desservi, %(codes)s. Ailleurs, la page demande d’appeler.",
            "%(n)s codes postaux desservis, dont %(codes)s. Ailleurs, la page demande d’appeler.",
            len(codes),
        )
        % words
    )

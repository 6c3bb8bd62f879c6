"""Dates that differ from the week, and absences."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import Location, Practitioner
from booking.scheduling import catalogue
from booking.scheduling.absences import BlockedTime
from booking.web.dashboard.form_fields import HourField, offer_rows, set_choices
from booking.web.dashboard.hours.week_form import RANGES_A_DAY, check_ranges
from tenants.edit_form import EditForm
from tenants.form_fields import DayField, LineField
from tenants.work_form import WorkForm

LONGEST_CLOSURE = timedelta(days=366)


_RANGE_FIELD = re.compile(r"(?:starts|ends)_([3-9]|1[0-2])")
_FIRST_PAIRS = (("starts", "ends"), ("starts_again", "ends_again"))
_SHOWN_PAIRS = 2


def date_sent(typed: str) -> date | None:
    """Return the date of a field that was sent, or None when it is none."""
    try:
        return DayField(required=False).clean(typed)
    except ValidationError:
        return None


def range_names(count: int) -> list[tuple[str, str]]:
    """Return the names of the fields of ``count`` ranges of a date, at least those that a week allows."""
    numbers = range(len(_FIRST_PAIRS) + 1, max(count, RANGES_A_DAY) + 1)
    return [*_FIRST_PAIRS, *((f"starts_{number}", f"ends_{number}") for number in numbers)]


def ranges_typed(ranges: Sequence[tuple[int, int]]) -> dict[str, int]:
    """Return ranges in minutes of the day by the names of their fields; each range has its own."""
    typed: dict[str, int] = {}
    for (starts, ends), names in zip(ranges, range_names(len(ranges)), strict=False):
        typed |= dict(zip(names, (starts, ends), strict=True))
    return typed


class DateForm(EditForm):
    """One date that differs from the week: other hours, or closed. It has as many ranges as the date has."""

    place: "forms.ModelChoiceField[Location]" = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"),
        queryset=None,
        to_field_name="ref",
        empty_label=None,
    )
    on_date = DayField(label=gettext_lazy("Jour"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_rows(self, "place", catalogue.active_locations())
        numbers = [
            int(found[1])
            for name in (*self.initial, *self.data)
            if (found := _RANGE_FIELD.fullmatch(name))
        ]
        self.names = range_names(max(numbers, default=0))
        for index, (starts, ends) in enumerate(self.names):
            word = _("puis de") if index else _("Ouvert de")
            self.fields[starts] = HourField(label=word, required=False)
            self.fields[ends] = HourField(label=_("à"), required=False, is_end=True)
        self.fields[self.names[_SHOWN_PAIRS - 1][1]].help_text = _(
            "Sans aucune heure, ce jour-là est fermé."
        )
        self.ranges: list[tuple[int, int]] = []

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that every date needs."""
        names = [name for pair in self.names[:_SHOWN_PAIRS] for name in pair]
        return [self[name] for name in ("place", "on_date", *names)]

    @property
    def folded(self) -> list[forms.BoundField]:
        """The fields of the third range and of those after it."""
        return [self[name] for pair in self.names[_SHOWN_PAIRS:] for name in pair]

    @property
    def has_folded_value(self) -> bool:
        """Whether the folded part must be open."""
        return any(field.value() or field.errors for field in self.folded)

    def clean(self) -> dict[str, Any]:
        """Check the ranges together."""
        data = super().clean() or {}
        pairs = [(data.get(starts), data.get(ends)) for starts, ends in self.names]
        try:
            self.ranges = check_ranges(pairs)
        except ValidationError as error:
            self.add_error("starts", error)
        return data

    def is_comparable(self, changed: set[str]) -> bool:
        """Return whether the page showed the hours of this date and place, and not of others."""
        return not {"on_date", "place"} & changed


class HolidaysForm(EditForm):
    """The coming holidays of a location, the open ones ticked, and the customary days on which it closes.

    ``days`` are dates with their names; ``usual`` are codes of customary days with their next date and name.
    """

    opened = forms.MultipleChoiceField(
        label=gettext_lazy("Jours ouverts"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("Choisissez parmi les jours de la liste.")},
    )

    customary = forms.MultipleChoiceField(
        label=gettext_lazy("Jours d’usage fermés"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("Choisissez parmi les jours de la liste.")},
    )

    def __init__(
        self,
        *args: Any,
        location: Location,
        days: Sequence[tuple[date, str]],
        usual: Sequence[tuple[str, date, str]],
        opened: Callable[[], Collection[date]],
        **kwargs: Any,
    ) -> None:
        kwargs["subject"] = location
        kwargs["stored"] = lambda: {
            "opened": sorted(day.isoformat() for day in opened()),
            "customary": sorted(location.customary_days.split()),
        }
        super().__init__(*args, auto_id=f"h{location.ref.hex[:8]}_%s", **kwargs)
        self.location, self.days, self.usual = location, days, usual
        set_choices(self, "opened", [(on.isoformat(), f"{on:%d/%m/%Y}") for on, _name in days])
        set_choices(self, "customary", [(code, name) for code, _on, name in usual])

    @property
    def ticked(self) -> set[str]:
        """The dates whose boxes are ticked on the page, as 2026-12-25."""
        return set(self["opened"].value() or ())

    @property
    def rows(self) -> list[tuple[date, str, bool]]:
        """Each date, its name, and whether its box is ticked."""
        ticked = self.ticked
        return [(on, name, on.isoformat() in ticked) for on, name in self.days]

    @property
    def customary_rows(self) -> list[dict[str, Any]]:
        """Each customary day: its code, its next date, its name, and whether its box is ticked."""
        ticked = set(self["customary"].value() or ())
        return [
            {"code": code, "on": on, "name": name, "is_chosen": code in ticked}
            for code, on, name in self.usual
        ]


class CloseForm(WorkForm):
    """A day closed from the month, or the days that follow it too."""

    to_on = DayField(
        label=gettext_lazy("Jusqu’au, ce jour compris"),
        required=False,
        help_text=gettext_lazy("Vide\u00a0: ce jour-là seulement."),
    )
    label = LineField(
        label=gettext_lazy("Note pour le cabinet"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Par exemple «\u00a0congés\u00a0». Aucun nom de personne."),
    )
    public_message = LineField(
        label=gettext_lazy("Message pour les personnes"),
        required=False,
        max_length=160,
        help_text=gettext_lazy("Affiché sur votre page pendant l’absence."),
    )
    everybody = forms.BooleanField(label=gettext_lazy("Tout le cabinet"), required=False)

    def __init__(
        self, *args: Any, on: date, zone: ZoneInfo, may_close_all: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.on, self.zone = on, zone
        if not may_close_all:
            del self.fields["everybody"]

    def clean_to_on(self) -> date:
        """Return the last closed day."""
        last = self.cleaned_data["to_on"] or self.on
        if last < self.on:
            raise ValidationError(_("Ce jour vient avant le premier."))
        if last > self.on + LONGEST_CLOSURE:
            raise ValidationError(_("Un an au plus. Ajoutez une seconde absence ensuite."))
        return last

    def blocked_time(self, practitioner: Practitioner) -> BlockedTime:
        """Return the closed days of a practitioner, or of everybody; exact on nights when clocks move."""
        data = self.cleaned_data
        end = data["to_on"] + timedelta(days=1)
        return BlockedTime(
            practitioner=None if data.get("everybody") else practitioner,
            starts_at=datetime(self.on.year, self.on.month, self.on.day, tzinfo=self.zone),
            ends_at=datetime(end.year, end.month, end.day, tzinfo=self.zone),
            label=data["label"],
            public_message=data["public_message"],
        )


class AbsenceForm(WorkForm):
    """Blocked time, for one practitioner or the whole practice; whole days by default."""

    practitioner: "forms.ModelChoiceField[Practitioner]" = forms.ModelChoiceField(
        label=gettext_lazy("Qui"),
        queryset=None,
        to_field_name="ref",
        required=False,
        empty_label=gettext_lazy("Tout le cabinet"),
    )
    from_on = DayField(label=gettext_lazy("Du"))
    from_hour = HourField(label=gettext_lazy("à partir de"), required=False)
    to_on = DayField(label=gettext_lazy("Au"))
    to_hour = HourField(
        label=gettext_lazy("jusqu’à"),
        required=False,
        help_text=gettext_lazy("Sans heure, les journées entières."),
    )
    label = LineField(
        label=gettext_lazy("Note pour le cabinet"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Par exemple «\u00a0congés\u00a0». Aucun nom de personne."),
    )
    public_message = LineField(
        label=gettext_lazy("Message pour les personnes"),
        required=False,
        max_length=160,
        help_text=gettext_lazy("Affiché sur votre page pendant l’absence."),
    )

    def __init__(
        self,
        *args: Any,
        practitioners: Sequence[Practitioner],
        may_close_all: bool,
        zone: ZoneInfo,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        keys = [practitioner.pk for practitioner in practitioners]
        field = offer_rows(self, "practitioner", catalogue.practitioners_with_keys(keys))
        if not may_close_all:
            field.required, field.empty_label = True, None

    def clean(self) -> dict[str, Any]:
        """Turn dates and hours into instants."""
        data = super().clean() or {}
        if {"from_on", "to_on", "from_hour", "to_hour"} & set(self.errors):
            return data
        data["starts_at"] = self._instant(data["from_on"], data["from_hour"] or 0)
        until = data["to_hour"]
        # Midnight of a single day is its end; "du 4 à 22 h au 5 à 0 h" ends when the 5th begins.
        if until is None or (until == 0 and data["from_on"] == data["to_on"]):
            until = 24 * 60
        data["ends_at"] = self._instant(data["to_on"], until)
        if data["ends_at"] <= data["starts_at"]:
            self.add_error("to_on", _("La fin vient après le début."))
        return data

    @property
    def blocked_time(self) -> BlockedTime:
        """The time that the valid form blocks."""
        names = ("practitioner", "starts_at", "ends_at", "label", "public_message")
        return BlockedTime(**{name: self.cleaned_data[name] for name in names})

    def _instant(self, on: date, minutes: int) -> datetime:
        day = on + timedelta(days=minutes // (24 * 60))
        minutes %= 24 * 60
        return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=self.zone)

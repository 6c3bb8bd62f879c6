"""Dates that differ from the week, and absences."""

from collections.abc import Sequence
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
from booking.web.dashboard.form_fields import DayField, HourField, offer_rows
from booking.web.dashboard.hours.week_form import check_ranges
from tenants.work_form import WorkForm

LONGEST_CLOSURE = timedelta(days=366)


class DateForm(WorkForm):
    """One date that differs from the week: other hours, or closed."""

    place: "forms.ModelChoiceField[Location]" = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"),
        queryset=None,
        to_field_name="ref",
        empty_label=None,
    )
    on_date = DayField(label=gettext_lazy("Jour"))
    starts = HourField(label=gettext_lazy("Ouvert de"), required=False)
    ends = HourField(label=gettext_lazy("à"), required=False, is_end=True)
    starts_again = HourField(label=gettext_lazy("puis de"), required=False)
    ends_again = HourField(
        label=gettext_lazy("à"),
        required=False,
        is_end=True,
        help_text=gettext_lazy("Sans aucune heure, ce jour-là est fermé."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_rows(self, "place", catalogue.active_locations())
        self.ranges: list[tuple[int, int]] = []

    def clean(self) -> dict[str, Any]:
        """Check the ranges together."""
        data = super().clean() or {}
        pairs = [(data.get("starts"), data.get("ends"))]
        pairs.append((data.get("starts_again"), data.get("ends_again")))
        try:
            self.ranges = check_ranges(pairs)
        except ValidationError as error:
            self.add_error("starts", error)
        return data


class CloseForm(WorkForm):
    """A day closed from the month, or the days that follow it too."""

    to_on = DayField(
        label=gettext_lazy("Jusqu’au, ce jour compris"),
        required=False,
        help_text=gettext_lazy("Vide\u00a0: ce jour-là seulement."),
    )
    label = forms.CharField(
        label=gettext_lazy("Note pour le cabinet"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Par exemple «\u00a0congés\u00a0». Aucun nom de personne."),
    )
    public_message = forms.CharField(
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
    label = forms.CharField(
        label=gettext_lazy("Note pour le cabinet"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Par exemple «\u00a0congés\u00a0». Aucun nom de personne."),
    )
    public_message = forms.CharField(
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

"""Opening hours, dates that differ, absences and public holidays."""

import itertools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.forms.dashboard.base import DayField, HourField, WorkForm
from booking.models import AppointmentType, Location, Practitioner
from booking.services.hours import Pattern, Range

RANGES_A_DAY = 3
WEEKDAYS = (
    gettext_lazy("lundi"),
    gettext_lazy("mardi"),
    gettext_lazy("mercredi"),
    gettext_lazy("jeudi"),
    gettext_lazy("vendredi"),
    gettext_lazy("samedi"),
    gettext_lazy("dimanche"),
)


def check_ranges(typed: Sequence[tuple[int | None, int | None]]) -> list[tuple[int, int]]:
    """Return the ranges of one day in order; ValidationError when one is half given or overlaps."""
    ranges = []
    for starts, ends in typed:
        if starts is None and ends is None:
            continue
        if starts is None or ends is None:
            raise ValidationError(_("Donnez le début et la fin de chaque plage."))
        if starts >= ends:
            raise ValidationError(_("La fin d’une plage vient après son début."))
        ranges.append((starts, ends))
    ranges.sort()
    for (_start, before), (after, _end) in itertools.pairwise(ranges):
        if after < before:
            raise ValidationError(_("Deux plages se chevauchent."))
    return ranges


class WeekForm(WorkForm):
    """One week: three ranges a day, where it holds, how often, from when to when, for which motifs."""

    place = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"),
        queryset=Location.objects.none(),
        to_field_name="ref",
        empty_label=None,
    )
    every = forms.TypedChoiceField(
        label=gettext_lazy("Rythme"),
        coerce=int,
        choices=[
            (1, gettext_lazy("Toutes les semaines")),
            (2, gettext_lazy("Une semaine sur deux")),
            (3, gettext_lazy("Une semaine sur trois")),
            (4, gettext_lazy("Une semaine sur quatre")),
        ],
        initial=1,
    )
    anchor_on = DayField(
        label=gettext_lazy("Une semaine où elle s’applique"),
        required=False,
        help_text=gettext_lazy(
            "Un jour de cette semaine-là. Utile si le rythme n’est pas chaque semaine."
        ),
    )
    valid_from = DayField(label=gettext_lazy("À partir du"), required=False)
    valid_to = DayField(label=gettext_lazy("Jusqu’au"), required=False)
    motifs = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Seulement pour ces motifs"),
        queryset=AppointmentType.objects.none(),
        to_field_name="ref",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Aucun coché\u00a0: tous les motifs."),
    )

    def __init__(self, *args: Any, practitioner: Practitioner, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, name in enumerate(WEEKDAYS):
            for number in range(RANGES_A_DAY):
                for side, word in (("a", _("de")), ("b", _("à"))):
                    label = f"{name}, {_('plage')} {number + 1}, {word}"
                    self.fields[f"d{day}r{number}{side}"] = HourField(label=label, required=False)
        self._offer("place", Location.objects.filter(is_active=True))
        self._offer(
            "motifs", AppointmentType.objects.filter(is_active=True, practitioners=practitioner)
        )
        self.ranges: list[Range] = []

    def _offer(self, name: str, queryset: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # declared above
        field.queryset = queryset

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        """The fields that say where and when the week holds."""
        return [self[name] for name in ("every", "anchor_on", "valid_from", "valid_to", "motifs")]

    @property
    def days(self) -> list[tuple[Any, list[tuple[forms.BoundField, forms.BoundField]], list[str]]]:
        """Each day with its ranges and its errors, for the page."""
        return [
            (
                name,
                [
                    (self[f"d{day}r{number}a"], self[f"d{day}r{number}b"])
                    for number in range(RANGES_A_DAY)
                ],
                self._errors_of(day),
            )
            for day, name in enumerate(WEEKDAYS)
        ]

    def _errors_of(self, day: int) -> list[str]:
        found = [
            str(message)
            for number in range(RANGES_A_DAY)
            for side in "ab"
            for message in self[f"d{day}r{number}{side}"].errors
        ]
        return list(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        """Check each day by itself, and that the rhythm and the dates can be."""
        data = super().clean() or {}
        for day in range(7):
            self._clean_day(day, data)
        first, last = data.get("valid_from"), data.get("valid_to")
        if first and last and last < first:
            self.add_error("valid_to", _("Cette date vient avant la première."))
        if data.get("every", 1) > 1 and not data.get("anchor_on"):
            self.add_error(
                "anchor_on", _("Indiquez un jour d’une semaine où ces horaires s’appliquent.")
            )
        return data

    def _clean_day(self, day: int, data: dict[str, Any]) -> None:
        names = [(f"d{day}r{number}a", f"d{day}r{number}b") for number in range(RANGES_A_DAY)]
        if any(name in self.errors for pair in names for name in pair):
            return
        try:
            ranges = check_ranges([(data.get(a), data.get(b)) for a, b in names])
        except ValidationError as error:
            self.add_error(names[0][0], error)
            return
        self.ranges.extend(Range(day, starts, ends) for starts, ends in ranges)

    @property
    def pattern(self) -> Pattern:
        """Where and when the week holds."""
        data = self.cleaned_data
        every = int(data["every"])
        return Pattern(
            location=data["place"],
            valid_from=data["valid_from"],
            valid_to=data["valid_to"],
            every_n_weeks=every,
            anchor_on=data["anchor_on"] if every > 1 else None,
            appointment_types=tuple(data["motifs"]),
        )


class DateForm(WorkForm):
    """One date that differs from the week: other hours, or closed."""

    place = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"),
        queryset=Location.objects.none(),
        to_field_name="ref",
        empty_label=None,
    )
    on_date = DayField(label=gettext_lazy("Jour"))
    starts = HourField(label=gettext_lazy("Ouvert de"), required=False)
    ends = HourField(label=gettext_lazy("à"), required=False)
    starts_again = HourField(label=gettext_lazy("puis de"), required=False)
    ends_again = HourField(
        label=gettext_lazy("à"),
        required=False,
        help_text=gettext_lazy("Sans aucune heure, ce jour-là est fermé."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place = self.fields["place"]
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101  # declared above
        place.queryset = Location.objects.filter(is_active=True)
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


class AbsenceForm(WorkForm):
    """Blocked time, for one practitioner or the whole practice; whole days by default."""

    practitioner = forms.ModelChoiceField(
        label=gettext_lazy("Qui"),
        queryset=Practitioner.objects.none(),
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
        field = self.fields["practitioner"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # declared above
        field.queryset = Practitioner.objects.filter(pk__in=[one.pk for one in practitioners])
        if not may_close_all:
            field.required, field.empty_label = True, None

    def clean(self) -> dict[str, Any]:
        """Turn dates and hours into instants."""
        data = super().clean() or {}
        if {"from_on", "to_on", "from_hour", "to_hour"} & set(self.errors):
            return data
        data["starts_at"] = self._instant(data["from_on"], data["from_hour"] or 0)
        until = data["to_hour"] if data["to_hour"] is not None else 24 * 60
        data["ends_at"] = self._instant(data["to_on"], until)
        if data["ends_at"] <= data["starts_at"]:
            self.add_error("to_on", _("La fin vient après le début."))
        return data

    def _instant(self, on: date, minutes: int) -> datetime:
        day = on + timedelta(days=minutes // (24 * 60))
        minutes %= 24 * 60
        return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=self.zone)

"""The week editor: ranges of each day, where and when they hold, and a day copied to others."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.formats.french import minute_of_day, one_week_in
from booking.models import AppointmentType, Location, OpeningHours, Practitioner
from booking.scheduling import catalogue
from booking.scheduling.hours import Pattern, Range
from booking.web.dashboard.form_fields import HourField, offer_rows, write_minutes
from tenants.edit_form import EditForm
from tenants.form_fields import DayField

RANGES_A_DAY = 4
WEEKDAYS = (
    gettext_lazy("lundi"),
    gettext_lazy("mardi"),
    gettext_lazy("mercredi"),
    gettext_lazy("jeudi"),
    gettext_lazy("vendredi"),
    gettext_lazy("samedi"),
    gettext_lazy("dimanche"),
)
_HOUR_NAME = re.compile(r"d([0-6])r([0-3])([ab])")

EVENING, MORNING = 17 * 60, 10 * 60

Typed = dict[str, Any]
"""The values of the editor by field name; hours as typed text."""


def check_ranges(typed: Sequence[tuple[int | None, int | None]]) -> list[tuple[int, int]]:
    """Return the ranges of one day in order; ValidationError when one is half given or overlaps."""
    ranges = []
    for starts, ends in typed:
        if starts is None and ends is None:
            continue
        if starts is None or ends is None:
            raise ValidationError(_("Donnez le début et la fin de chaque plage."))
        if starts >= ends:
            raise ValidationError(_not_after(starts, ends))
        ranges.append((starts, ends))
    ranges.sort()
    for (_start, before), (after, _end) in itertools.pairwise(ranges):
        if after < before:
            raise ValidationError(_("Deux plages se chevauchent."))
    return ranges


def _not_after(starts: int, ends: int) -> str:
    """Return why a range is refused; one that would run past midnight gets the two ranges to write."""
    if starts < EVENING or ends > MORNING:
        return _("La fin d’une plage vient après son début.")
    return _(
        "La fin d’une plage vient après son début. Pour passer minuit, écrivez deux plages\u00a0:"
        " de %(start)s à 24\u00a0h ce jour-là, et de 0\u00a0h à %(end)s le lendemain."
    ) % {"start": minute_of_day(starts), "end": minute_of_day(ends)}


def typed_of(rows: Sequence[OpeningHours]) -> Typed:
    """Return a written week as the editor shows it; nothing for a week without rows."""
    if not rows:
        return {}
    first = rows[0]
    typed: Typed = {
        "place": first.location.ref,
        "every": first.every_n_weeks,
        "anchor_on": first.anchor_on,
        "valid_from": first.valid_from,
        "valid_to": first.valid_to,
        "appointment_types": [
            appointment_type.ref for appointment_type in first.appointment_types.all()
        ],
    }
    return typed | hours_typed(Range(row.weekday, row.starts_min, row.ends_min) for row in rows)


def hours_typed(ranges: Iterable[Range]) -> Typed:
    """Return ranges as the fields of the editor hold them; of one day, those that fit."""
    typed: Typed = {}
    counts = [0] * 7
    for hours_range in sorted(ranges, key=lambda each: each.starts_min):
        number = counts[hours_range.weekday]
        counts[hours_range.weekday] += 1
        if number < RANGES_A_DAY:
            typed[f"d{hours_range.weekday}r{number}a"] = write_minutes(hours_range.starts_min)
            typed[f"d{hours_range.weekday}r{number}b"] = write_minutes(hours_range.ends_min)
    return typed


def typed_in(data: QueryDict) -> Typed:
    """Return the submitted values as they were typed."""
    typed: Typed = {name: data.get(name) for name in data if name != "appointment_types"}
    return typed | {"appointment_types": data.getlist("appointment_types")}


@dataclass(frozen=True)
class WeekAction:
    """An editor button that saves nothing: its verb, its day, the other days or the range."""

    verb: str
    day: int = 0
    others: tuple[int, ...] = ()

    @classmethod
    def read(cls, sent: str) -> "WeekAction | None":
        """Read "add-2", "remove-2-0", "copy-0-1234" or "preview"; None for anything else."""
        if sent == "preview":
            return cls("preview")
        found = re.fullmatch(r"(add|remove|copy)-([0-6])(?:-([0-6]{1,7}))?", sent)
        if found is None or (found[1] == "add") != (found[3] is None):
            return None
        return cls(found[1], int(found[2]), tuple(int(digit) for digit in found[3] or ""))

    def applied(self, typed: Typed) -> Typed:
        """Return the values of the editor after the action."""
        if self.verb == "add":
            return typed | _empty(self.day, len(_of_day(typed, self.day)))
        if self.verb == "remove":
            kept = _of_day(typed, self.day)
            if self.others[0] < len(kept):
                kept.pop(self.others[0])
            return _with_days(typed, {self.day: kept})
        if self.verb == "copy":
            source = _of_day(typed, self.day)
            return _with_days(typed, dict.fromkeys(self.others, source))
        return typed


def _empty(day: int, number: int) -> Typed:
    if number >= RANGES_A_DAY:
        return {}
    return {f"d{day}r{number}a": "", f"d{day}r{number}b": ""}


def _of_day(typed: Typed, day: int) -> list[tuple[Any, Any]]:
    """Return the ranges of one day as they stand, the half typed ones too."""
    names = [(f"d{day}r{number}a", f"d{day}r{number}b") for number in range(RANGES_A_DAY)]
    return [(typed.get(a) or "", typed.get(b) or "") for a, b in names if a in typed or b in typed]


def _with_days(typed: Typed, days: dict[int, list[tuple[Any, Any]]]) -> Typed:
    """Return the values of the editor with these days replaced."""
    kept: Typed = {}
    for name, value in typed.items():
        found = _HOUR_NAME.fullmatch(name)
        if found is None or int(found[1]) not in days:
            kept[name] = value
    for day, ranges in days.items():
        for number, (starts, ends) in enumerate(ranges):
            kept |= {f"d{day}r{number}a": starts, f"d{day}r{number}b": ends}
    return kept


@dataclass(frozen=True)
class RangeFields:
    """The two fields of one range."""

    number: int
    starts: forms.BoundField
    ends: forms.BoundField


@dataclass(frozen=True)
class DayFields:
    """One day of the editor: its ranges, its errors, the days to which it can be copied."""

    number: int
    name: Any
    ranges: list[RangeFields]
    errors: list[str]
    groups: list[tuple[Any, str]]
    """Groups of days to which this day can be copied: the label, and the digits of the button value."""
    others: list[tuple[Any, int]]

    @property
    def can_grow(self) -> bool:
        """Whether another range fits."""
        return len(self.ranges) < RANGES_A_DAY


class WeekForm(EditForm):
    """One week: a few ranges a day, where it holds, how often, from when to when, for which appointment types."""

    place: "forms.ModelChoiceField[Location]" = forms.ModelChoiceField(
        label=gettext_lazy("Lieu"),
        queryset=None,
        to_field_name="ref",
        empty_label=None,
    )
    every = forms.TypedChoiceField(
        label=gettext_lazy("Rythme"),
        coerce=int,
        choices=[(weeks, capfirst(one_week_in(weeks))) for weeks in range(1, 9)],
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
    appointment_types: "forms.ModelMultipleChoiceField[AppointmentType]" = (
        forms.ModelMultipleChoiceField(
            label=gettext_lazy("Seulement pour ces motifs"),
            queryset=None,
            to_field_name="ref",
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=gettext_lazy("Aucun coché\u00a0: tous les motifs."),
        )
    )

    def __init__(
        self,
        *args: Any,
        practitioner: Practitioner,
        rows: Sequence[OpeningHours] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for day, name in enumerate(WEEKDAYS):
            for number in range(RANGES_A_DAY):
                for side, word in (("a", _("de")), ("b", _("à"))):
                    label = f"{name}, {_('plage')} {number + 1}, {word}"
                    self.fields[f"d{day}r{number}{side}"] = HourField(
                        label=label, required=False, is_end=side == "b"
                    )
        offer_rows(self, "place", catalogue.active_locations_and([row.location_id for row in rows]))
        types = [each.pk for each in rows[0].appointment_types.all()] if rows else []
        offer_rows(
            self, "appointment_types", catalogue.appointment_types_of_and(practitioner, types)
        )
        self.ranges: list[Range] = []

    def focus(self, action: WeekAction) -> None:
        """Put the cursor into the range that the action added."""
        shown = self._shown(action.day) if action.verb == "add" else []
        if shown:
            shown[-1].starts.field.widget.attrs["autofocus"] = True

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        """The fields that say when and for which appointment types the week applies."""
        return [
            self[name]
            for name in ("every", "anchor_on", "valid_from", "valid_to", "appointment_types")
        ]

    @property
    def has_rules(self) -> bool:
        """Whether a rule field differs from "always" or has an error."""
        names = ("anchor_on", "valid_from", "valid_to", "appointment_types")
        is_rare = str(self["every"].value() or 1) != "1"
        wrong = any(field.errors for field in self.rule_fields) if self.is_bound else False
        return is_rare or wrong or any(self[name].value() for name in names)

    @property
    def days(self) -> list[DayFields]:
        """Each day with the ranges that it has, for the page."""
        return [
            DayFields(
                day,
                name,
                self._shown(day),
                self._errors_of(day),
                _groups(day),
                [(word, other) for other, word in enumerate(WEEKDAYS) if other != day],
            )
            for day, name in enumerate(WEEKDAYS)
        ]

    def _shown(self, day: int) -> list[RangeFields]:
        values: Any = self.data if self.is_bound else self.initial
        shown = []
        for number in range(RANGES_A_DAY):
            a, b = f"d{day}r{number}a", f"d{day}r{number}b"
            if a in values or b in values:
                shown.append(RangeFields(number, self[a], self[b]))
        return shown

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
            # On the first field of the day that is shown: the summary's link must lead somewhere.
            given = [name for pair in names for name in pair if data.get(name) is not None]
            self.add_error(given[0], error)
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
            appointment_types=tuple(data["appointment_types"]),
        )


def _groups(day: int) -> list[tuple[Any, str]]:
    """Return the sets of days that a day is copied to most often, without itself."""
    weekdays = [other for other in range(5) if other != day]
    if day == 0:
        words = _("mardi à vendredi")
    elif day == 4:
        words = _("lundi à jeudi")
    else:
        words = _("les autres jours, du lundi au vendredi")
    return [(words, "".join(str(other) for other in weekdays))]

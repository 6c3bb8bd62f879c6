"""The filters of the statistics: the period and the agendas."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import Practitioner
from booking.web.dashboard.form_fields import set_choices
from tenants.form_fields import DayField
from tenants.work_form import WorkForm

LONGEST = timedelta(days=371)
"""A year of whole weeks."""
FIRST_DAY = date(2000, 1, 1)
BY_DEFAULT = timedelta(weeks=11)


class PeriodForm(WorkForm):
    """The period of the statistics: twelve weeks unless said otherwise, a year at most, never beyond today."""

    du = DayField(is_bounded=False, label=gettext_lazy("Du"))
    au = DayField(is_bounded=False, label=gettext_lazy("Au"))
    qui = forms.ChoiceField(label=gettext_lazy("Agenda"), required=False)

    def __init__(
        self, *args: Any, practitioners: Sequence[Practitioner], today: date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        choices = [
            ("", _("Tous")),
            *((str(practitioner.ref), practitioner.name) for practitioner in practitioners),
        ]
        set_choices(self, "qui", choices)
        if len(practitioners) < 2:
            del self.fields["qui"]

    @classmethod
    def usual(cls, today: date) -> tuple[date, date]:
        """Return the period that is shown when none is asked for."""
        return today - timedelta(days=today.weekday()) - BY_DEFAULT, today

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins, reaches into the future or lasts too long."""
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("du"), cleaned.get("au")
        if first is None or last is None:
            return cleaned
        if last > self.today:
            cleaned["au"] = last = self.today
        if first < FIRST_DAY:
            self.add_error("du", ValidationError(_("Cette date est trop ancienne.")))
        elif first > last:
            self.add_error("du", ValidationError(_("Le premier jour vient avant le dernier.")))
        elif last - first > LONGEST:
            self.add_error("du", ValidationError(_("Un an au plus, d’un jour à l’autre.")))
        return cleaned

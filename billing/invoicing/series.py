"""The series of numbers: made before they are needed, locked while a number is given (F-03)."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import connection

from billing.invoicing.errors import NoSeries
from billing.invoicing.models import Series

INVOICES, CREDIT_NOTES = "F", "A"
PARIS = ZoneInfo("Europe/Paris")


def day_in_paris(now: dt.datetime) -> dt.date:
    """Return the day in Paris of an instant: the day of every document."""
    return now.astimezone(PARIS).date()


def open_series(*, year: int) -> None:
    """Make the two series of a year, unless they exist. The application may not insert them itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.invoicing_open_series(%s)", [year])


def lock_series(kind: str, *, today: dt.date) -> tuple[Series, dt.date]:
    """Lock the series of a kind from this year on; return the one to continue, and the day of issue.

    Numbers follow days: the day is never before that of the last document. When the clock steps back over New
    Year, the series of the later year goes on. Raises NoSeries.
    """
    rows = _locked(kind, today.year)
    used = [row for row in rows if row.last]
    current = [row for row in rows if row.code == f"{kind}{today.year}"]
    if not (used or current):
        raise NoSeries(f"{kind}{today.year}")
    series = (used or current)[-1]
    return series, max(today, series.last_on)


def _locked(kind: str, year: int) -> list[Series]:
    found = Series.objects.filter(code__startswith=kind, code__gte=f"{kind}{year}")
    return list(found.select_for_update().order_by("code"))

"""Template filters over booking.formats.french."""

from __future__ import annotations

import datetime as dt

from django import template

from booking.formats import french

register = template.Library()

register.filter("weekday", french.weekday)
register.filter("month", french.month)
register.filter("day_number", french.day_number)
register.filter("legal_day", french.legal_day)
register.filter("short_day", french.short_day)
register.filter("hour", french.hour)
register.filter("clock", french.clock)
register.filter("short_hour", french.short_hour)
register.filter("zone_name", french.zone_name)
register.filter("phone", french.phone)


@register.filter
def long_day(day: dt.date, today: dt.date) -> str:
    """`{{ day|long_day:today }}`: "mardi 24 novembre", with its year when another than today's."""
    return french.long_day(day, today=today)


@register.filter
def day_and_hour(moment: dt.datetime, today: dt.date) -> str:
    """`{{ moment|day_and_hour:today }}`: "mardi 24 novembre à 14 h 30", in the moment's own zone."""
    return french.day_and_hour(moment, today=today)


# These take an instant as it is stored: it is shown in the zone of the page, like the filter ``date`` does.


@register.filter(expects_localtime=True)
def in_full(day: dt.date) -> str:
    """`{{ moment|in_full }}`: "1er novembre 2026"."""
    return french.legal_day(day)


@register.filter(expects_localtime=True)
def in_its_year(day: dt.date) -> str:
    """`{{ moment|in_its_year }}`: "1er novembre", where the year goes without saying."""
    return f"{french.day_number(day)}{french.NBSP}{french.month(day)}"


@register.filter(expects_localtime=True)
def in_full_with_hour(moment: dt.datetime) -> str:
    """`{{ moment|in_full_with_hour }}`: "1er novembre 2026, 9 h 05"."""
    return f"{french.legal_day(moment)}, {french.clock(moment)}"


@register.filter(expects_localtime=True)
def in_its_year_with_hour(moment: dt.datetime) -> str:
    """`{{ moment|in_its_year_with_hour }}`: "1er novembre, 9 h 05"."""
    return f"{in_its_year(moment)}, {french.clock(moment)}"


@register.filter(expects_localtime=True)
def weekday_and_hour(moment: dt.datetime) -> str:
    """`{{ moment|weekday_and_hour }}`: "dimanche 1er novembre, 9 h 05"."""
    return f"{french.weekday(moment)} {in_its_year_with_hour(moment)}"


@register.filter(expects_localtime=True)
def weekday_in_full(moment: dt.datetime) -> str:
    """`{{ moment|weekday_in_full }}`: "dimanche 1er novembre 2026, 9 h 05"."""
    return f"{french.weekday(moment)} {in_full_with_hour(moment)}"

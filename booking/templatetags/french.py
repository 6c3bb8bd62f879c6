"""Template filters over booking.french."""

from __future__ import annotations

import datetime as dt

from django import template

from booking import french

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

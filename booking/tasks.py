"""Periodic tasks of the calendars: polls of due accounts every 30 seconds, alerts every 5 minutes."""

from dramatiq_crontab import interval

from booking.actors import poll_all, watch_calendars

interval(seconds=30)(poll_all)
interval(seconds=300)(watch_calendars)

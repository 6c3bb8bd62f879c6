"""Periodic tasks: polls of due calendar accounts every 30 seconds, alerts every 5 minutes, bounces every 10."""

from dramatiq_crontab import interval

from booking.actors import collect_bounces, poll_all, watch_calendars

interval(seconds=30)(poll_all)
interval(seconds=300)(watch_calendars)
interval(seconds=600)(collect_bounces)

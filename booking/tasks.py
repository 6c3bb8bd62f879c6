"""What the clock enqueues for the calendars."""

from dramatiq_crontab import interval

from booking.actors import poll_all, watch_calendars

interval(seconds=30)(poll_all)
interval(seconds=300)(watch_calendars)

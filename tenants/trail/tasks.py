"""What the clock enqueues for the trail."""

from dramatiq_crontab import interval

from tenants.trail.actors import close_days, seal_all

interval(seconds=60)(seal_all)
interval(seconds=86_400)(close_days)

"""The schedule of the outbox's jobs (dramatiq-crontab imports ``tasks`` of each app)."""

from dramatiq_crontab import interval

from tenants.outbox.actors import sweep

interval(seconds=30)(sweep)

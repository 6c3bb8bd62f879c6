"""Recurring jobs of clients, which the clock enqueues (dramatiq-crontab imports ``tasks`` of each app)."""

from dramatiq_crontab import interval

from billing.clients.actors import collect_all

interval(seconds=600)(collect_all)

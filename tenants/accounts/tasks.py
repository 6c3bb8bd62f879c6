"""What the clock enqueues for accounts."""

from dramatiq_crontab import interval

from tenants.accounts.actors import tidy_all

interval(seconds=3_600)(tidy_all)

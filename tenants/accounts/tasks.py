"""The schedule of the accounts' jobs."""

from dramatiq_crontab import interval

from tenants.accounts.actors import delete_all_expired

interval(seconds=3_600)(delete_all_expired)

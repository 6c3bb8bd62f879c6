"""The schedule of retention's jobs."""

from dramatiq_crontab import interval

from compliance.retention.actors import delete_all_expired, erase_all_due, watch

interval(seconds=300)(erase_all_due)
interval(seconds=300)(watch)
interval(seconds=3_600)(delete_all_expired)

"""What the clock enqueues for retention."""

from dramatiq_crontab import interval

from compliance.retention.actors import purge_all, tidy_all, watch

interval(seconds=300)(purge_all)
interval(seconds=300)(watch)
interval(seconds=3_600)(tidy_all)

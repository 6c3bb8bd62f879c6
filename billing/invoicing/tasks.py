"""The schedule of invoicing's jobs (dramatiq-crontab imports ``tasks`` of each app)."""

from dramatiq_crontab import interval

from billing.invoicing.actors import draft_due_periods, verify_documents

interval(seconds=3_600)(verify_documents)
interval(seconds=3_600)(draft_due_periods)

"""The schedule of the audit trail's jobs."""

from dramatiq_crontab import interval

from tenants.audit.actors import seal_all, sign_all_checkpoints

interval(seconds=60)(seal_all)
interval(seconds=3_600)(sign_all_checkpoints)

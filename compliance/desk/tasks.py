"""What the clock enqueues for the desk."""

from dramatiq_crontab import interval

from compliance.desk.actors import look_all

interval(seconds=600)(look_all)

"""The budget of SMS by practice and calendar month: each message counts once, however often it is tried."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F

from booking.models import Practice, SmsMonth
from booking.models.practice import MOST_SMS_A_MONTH
from booking.scheduling.catalogue import current_practice
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside

ZONE = ZoneInfo("Europe/Paris")
"""The zone of the months of every practice: that of the bills of the gateway."""
SPENT = "sms_budget"
"""Reason of a message that did not leave because the SMS of the month are used up."""
WARNING_PERCENT = 80


@dataclass(frozen=True)
class SmsUse:
    """The SMS of the month that a practice has used, and its budget."""

    used: int
    budget: int

    @property
    def is_spent(self) -> bool:
        """Whether no SMS leaves until the month ends."""
        return self.used >= self.budget

    @property
    def is_low(self) -> bool:
        """Whether 80 % of the budget are used."""
        return self.used * 100 >= self.budget * WARNING_PERCENT


def month_of(now: datetime) -> date:
    """Return the first day of the month of an instant, in Europe/Paris."""
    return now.astimezone(ZONE).date().replace(day=1)


def use_of(practice: Practice, *, now: datetime) -> SmsUse | None:
    """Return what the practice has used this month; None when it sends no SMS. One query."""
    if not (practice.sms_enabled and settings.SMS_GATEWAY):
        return None
    used = SmsMonth.objects.filter(month=month_of(now)).values_list("used", flat=True).first()
    return SmsUse(used or 0, practice.sms_budget)


def spend(*, unit: Unit, entry: OutboxEntry, now: datetime) -> bool:
    """Count the SMS of an entry before it leaves, once; return whether it may leave. Call it outside any unit.

    An entry that is tried again has been counted. An SMS that the gateway refuses stays counted: it is rare, and
    the gateway may have billed it.
    """
    with inside(unit):
        return take(entry=entry, now=now)


def take(*, entry: OutboxEntry, now: datetime) -> bool:
    """Count the SMS of an entry inside the unit; see ``spend``."""
    budget = min(current_practice().sms_budget, MOST_SMS_A_MONTH)
    month = month_of(now)
    with transaction.atomic():
        mine = OutboxEntry.objects.filter(pk=entry.pk, charged_at=None).update(charged_at=now)
        if not mine:
            return True
        SmsMonth.objects.bulk_create([SmsMonth(month=month)], ignore_conflicts=True)
        # One conditional UPDATE: of two messages that want the last SMS, one gets it.
        if SmsMonth.objects.filter(month=month, used__lt=budget).update(used=F("used") + 1):
            return True
        OutboxEntry.objects.filter(pk=entry.pk).update(charged_at=None)
    return False

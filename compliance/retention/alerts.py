"""Telling lib-rdv's staff that an erasure is late: a count and nothing about anybody."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext, ngettext

from compliance.retention.due import overdue
from tenants.outbox.delivery import SENT, Outcome
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import PUBLIC, Unit, inside

OVERDUE = "retention.overdue"


def raise_alert(*, now: datetime) -> int:
    """Write the alert of this hour when an erasure is overdue; return how many are."""
    late = sum(entry.count for entry in overdue(now=now))
    if late:
        with inside(PUBLIC):
            hour = now.strftime("%Y%m%d%H")
            write(due=[Due(OVERDUE, late, due_at=now, audience=hour)], now=now)
    return late


class OverdueAlert:
    """Sends the alert by mail to the staff's address; its ``object_id`` is the count."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Return the act of sending."""
        count = entry.object_id or 0
        mail = EmailMessage(
            subject=gettext("Effacements en retard"),
            body=ngettext(
                "%(count)d effacement a plus d’une heure de retard. Voir /promises.",
                "%(count)d effacements ont plus d’une heure de retard. Voir /promises.",
                count,
            )
            % {"count": count},
            to=[settings.STAFF_EMAIL],
            headers={"Message-ID": f"<{entry.ref.hex}@{settings.APEX}>"},
        )

        def send() -> Outcome:
            mail.send()
            return SENT

        return send

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows from an alert."""

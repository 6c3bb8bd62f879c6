"""The e-mail alert to lib-rdv's staff about overdue erasures: a count, no personal data."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext, ngettext

from compliance.retention.due import overdue
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome
from tenants.outbox.kinds import ALERT, PLATFORM, PLATFORM_SUBJECT, OutboxKind
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.schema import PUBLIC, Unit, inside


@dataclass(frozen=True)
class OverdueCount:
    """The payload of the alert: the number of overdue erasures."""

    count: int


OVERDUE = OutboxKind("retention.overdue", PLATFORM, OverdueCount, ALERT)


def raise_alert(*, now: datetime) -> int:
    """Write at most one alert per hour when an erasure is overdue; return the number of overdue erasures."""
    late = sum(entry.count for entry in overdue(now=now))
    if late:
        with inside(PUBLIC):
            hour = now.strftime("%Y%m%d%H")
            alert = Due(OVERDUE, PLATFORM_SUBJECT, OverdueCount(late), now, repeat=hour)
            write(due=[alert], now=now)
    return late


class OverdueAlert(Handler[OverdueCount]):
    """Sends the alert to STAFF_EMAIL."""

    def prepare(
        self, entry: OutboxEntry, payload: OverdueCount, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Compose the e-mail; the returned call sends it outside the unit."""
        count = payload.count
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

        def deliver() -> Outcome:
            mail.send()
            return SENT

        return deliver

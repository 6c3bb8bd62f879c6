"""Sending one mail of the outbox to somebody of the house or of a practice: three templates of one name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.template.loader import render_to_string

from tenants.mail import Mail, MailRefusedError, MailUnavailableError, hand_over
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.routing import base_url
from tenants.schema import Unit


@dataclass(frozen=True)
class Letter:
    """What one mail needs once the transaction is over: its templates' name, its reader, what it says."""

    entry: OutboxEntry
    name: str
    to: str
    context: Mapping[str, object]
    paths: Mapping[str, str] = field(default_factory=dict)
    """Pages of the unit, by the name under which the templates know their address."""


def send(letter: Letter, unit: Unit) -> Outcome:
    """Write and hand over, in no unit; TryAgain when the relay refuses for now or does not answer."""
    addresses = {name: base_url(unit) + path for name, path in letter.paths.items()}
    context = {**letter.context, **addresses}
    subject = " ".join(render_to_string(f"emails/{letter.name}.subject.txt", context).split())
    mail = Mail(
        key=letter.entry.ref,
        written_at=letter.entry.created_at,
        is_retry=letter.entry.attempts > 1,
        subject=subject,
        body=render_to_string(f"emails/{letter.name}.txt", context),
        to=[letter.to],
    )
    page = render_to_string(f"emails/{letter.name}.html", {**context, "subject": subject})
    mail.attach_alternative(page, "text/html")
    try:
        hand_over(mail)
    except MailUnavailableError as error:
        raise TryAgain(str(error)) from None
    except MailRefusedError as error:
        return Outcome(OutboxEntry.State.FAILED, str(error))
    return SENT

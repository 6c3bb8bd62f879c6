"""E-mails of the outbox to staff and members of a practice: three templates of one name each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.template.loader import render_to_string

from tenants.email_transport import (
    Mail,
    MailRefusedError,
    MailUnavailableError,
    submit,
)
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.routing import base_url
from tenants.schema import Unit


@dataclass(frozen=True)
class Email:
    """The data of one e-mail outside the transaction: templates, recipient, context.

    ``paths`` maps names to paths of the unit's host; the context of the templates holds their full addresses.
    """

    entry: OutboxEntry
    template: str
    to: str
    context: Mapping[str, object]
    paths: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[tuple[str, bytes, str]] = ()
    """Files: name, bytes, media type."""


def send(email: Email, unit: Unit) -> Outcome:
    """Render and send an e-mail, outside any unit. Raises TryAgain when the relay is unavailable."""
    addresses = {name: base_url(unit) + path for name, path in email.paths.items()}
    context = {**email.context, **addresses}
    subject = " ".join(render_to_string(f"emails/{email.template}.subject.txt", context).split())
    mail = Mail(
        key=email.entry.ref,
        written_at=email.entry.created_at,
        is_retry=email.entry.attempts > 1,
        subject=subject,
        body=render_to_string(f"emails/{email.template}.txt", context),
        to=[email.to],
    )
    page = render_to_string(f"emails/{email.template}.html", {**context, "subject": subject})
    mail.attach_alternative(page, "text/html")
    for name, data, media_type in email.attachments:
        mail.attach(name, data, media_type)
    try:
        submit(mail)
    except MailUnavailableError as error:
        raise TryAgain(str(error)) from None
    except MailRefusedError as error:
        return Outcome(OutboxEntry.EntryState.FAILED, str(error))
    return SENT

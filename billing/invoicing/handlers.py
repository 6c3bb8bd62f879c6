"""Outbox handler of invoicing: it issues drafts, one after the other."""

from datetime import datetime

from django.db import OperationalError

from billing.invoicing import kinds
from billing.invoicing.errors import (
    AlreadyIssued,
    CreditExceedsInvoice,
    IncompleteIdentity,
    NoSeller,
    NoSeries,
    Undrawable,
    VatChanged,
)
from billing.invoicing.kinds import IssueRequest
from billing.invoicing.models import Invoice
from billing.invoicing.services import issue
from tenants.outbox.delivery import (
    SENT,
    DeliveryCall,
    Handler,
    Outcome,
    TryAgain,
    not_sent,
    register,
)
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside

BUSY = ("55P03", "40P01")
"""SQLSTATE of a lock that was not given in time, and of a deadlock."""
REFUSALS: dict[type[Exception], str] = {
    CreditExceedsInvoice: "credit_exceeds_invoice",
    IncompleteIdentity: "incomplete_identity",
    Undrawable: "undrawable",
    VatChanged: "vat_changed",
    NoSeller: "no_seller",
}
"""Refusals that staff must end, with the code of the failed entry; the draft stays."""


class IssueDraft(Handler[IssueRequest]):
    """Issues a draft. A worker that is killed after the commit finds the document on its next attempt."""

    def prepare(
        self, entry: OutboxEntry, payload: IssueRequest, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the issuing, in a transaction of its own: the series is locked until its commit."""

        def deliver() -> Outcome:
            try:
                with inside(PUBLIC):
                    issue(draft_ref=payload.draft_ref, now=now)
            except AlreadyIssued:
                return _outcome_without_draft(payload)
            except NoSeries:
                raise TryAgain("no_series") from None
            except tuple(REFUSALS) as refusal:
                return Outcome(OutboxEntry.EntryState.FAILED, REFUSALS[type(refusal)])
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", "") not in BUSY:
                    raise
                raise TryAgain("busy") from None
            return SENT

        return deliver


def register_all() -> None:
    """Register the handler; called once, when apps are ready. Drawing must not delay e-mails."""
    register(kinds.ISSUE, IssueDraft(), is_slow=True)


def _outcome_without_draft(payload: IssueRequest) -> Outcome:
    with inside(PUBLIC):
        is_issued = Invoice.objects.filter(ref=payload.draft_ref).exists()
    return SENT if is_issued else not_sent("gone")

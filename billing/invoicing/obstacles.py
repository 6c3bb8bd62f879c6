"""Why a draft cannot be issued now, in words for the desk (F-02)."""

import datetime as dt

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients.identity import IdentityReason
from billing.clients.identity_texts import MESSAGES as IDENTITY_TEXTS
from billing.invoicing.assembly import assemble, check_identity, seller_on
from billing.invoicing.errors import IncompleteIdentity, NoSeller, VatChanged
from billing.invoicing.fault_texts import MESSAGES as FAULT_TEXTS
from billing.invoicing.models import Draft
from billing.invoicing.snapshot import InvoiceSnapshot
from billing.invoicing.snapshot_checks import faults
from billing.orders.models import Order

NO_SELLER = _(
    "Les coordonnées du vendeur manquent\u00a0: sans elles, aucune facture ne peut être émise."
)
TERRITORY = _("Confirmez le territoire du client dans son dossier\u00a0: la TVA en dépend.")
VAT_CHANGED = _("Le régime de TVA a changé depuis ce brouillon. Supprimez-le et refaites-en un.")

WITHDRAWN = _("Le client s’est rétracté de ce bon de commande\u00a0: supprimez ce brouillon.")


def obstacles_of(
    draft: Draft, *, today: dt.date
) -> tuple[InvoiceSnapshot | None, list[Promise | str]]:
    """Return what a draft would say today, and why it cannot be issued: nothing when it can.

    The snapshot is None without a seller, and when the VAT of the draft is that of another regime.
    """
    identity = [*_of_order(draft), *_of_identity(draft)]
    try:
        snapshot = assemble(draft, seller=seller_on(today), issued_on=today)
    except NoSeller:
        return None, [NO_SELLER, *identity]
    except VatChanged:
        return None, [VAT_CHANGED, *identity]
    found = [FAULT_TEXTS[fault] for fault in faults(snapshot)]
    return snapshot, list(dict.fromkeys([*identity, *found]))


def _of_order(draft: Draft) -> list[Promise | str]:
    """Return that the order was withdrawn: what the client owes all the same is a draft of its own (F-33)."""
    subscription = draft.subscription
    is_withdrawn = subscription and subscription.order.state == Order.State.WITHDRAWN
    return [WITHDRAWN] if is_withdrawn else []


def _of_identity(draft: Draft) -> list[Promise | str]:
    """Return what is wrong with the identity of the client; a credit note has that of its invoice."""
    if draft.corrects_id is not None:
        return []
    try:
        check_identity(draft.client)
    except IncompleteIdentity as refusal:
        code = str(refusal)
        return [TERRITORY if code == "territory" else IDENTITY_TEXTS[IdentityReason(code)]]
    return []

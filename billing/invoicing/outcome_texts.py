"""What the desk reads of the worker's answers: why a draft was not issued, whether an e-mail left."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.outbox.models import OutboxEntry

State = OutboxEntry.EntryState

ISSUE_PROBLEMS: dict[str, Promise | str] = {
    "credit_exceeds_invoice": gettext_lazy("Les avoirs dépasseraient la facture."),
    "incomplete_identity": gettext_lazy(
        "Le dossier du client est incomplet\u00a0: territoire à confirmer, ou numéros qui se contredisent."
    ),
    "undrawable": gettext_lazy(
        "Le document ne peut pas être dessiné\u00a0: voyez les points ci-dessus."
    ),
    "vat_changed": gettext_lazy(
        "Le régime de TVA a changé depuis ce brouillon. Supprimez-le et refaites-en un."
    ),
    "no_seller": gettext_lazy("Le profil de facturation manque."),
}


def issue_problem(entry: OutboxEntry | None) -> str:
    """Return why the last attempt to issue a draft failed; "" without such an attempt."""
    if entry is None or entry.state != State.FAILED:
        return ""
    return str(
        ISSUE_PROBLEMS.get(
            entry.reason,
            _("L’émission a échoué. Réessayez\u00a0; si cela revient, voyez les journaux."),
        )
    )


def sending_text(entry: OutboxEntry | None) -> str:
    """Return the state of the last e-mail of a document as a sentence."""
    if entry is None:
        return _("Aucun e-mail n’est parti.")
    if entry.state == State.PENDING:
        return _("L’e-mail est en route.")
    if entry.state == State.SENT:
        return _("L’e-mail est remis à la messagerie du client.")
    if entry.reason == "no_address":
        return _("Aucun e-mail\u00a0: le dossier du client n’a pas d’adresse.")
    return _("L’e-mail n’est pas parti. Vérifiez l’adresse du dossier, puis envoyez de nouveau.")

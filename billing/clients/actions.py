"""The actions that staff may take on a client from its sheet, by their word in addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.clients import services


@dataclass(frozen=True)
class ClientAction:
    """A service with its texts. An action with a ``question`` has a page that asks for a confirmation."""

    service: Callable[..., None]
    """Takes ``tenant``, ``actor`` and ``now``; may raise WrongStateError."""
    success: Promise | str
    question: Promise | str = ""
    consequences: Promise | str = ""
    button: Promise | str = ""
    is_destructive: bool = False


ACTIONS: Mapping[str, ClientAction] = MappingProxyType(
    {
        "verifier": ClientAction(services.request_check, _("Le relevé est demandé.")),
        "ouvrir": ClientAction(
            services.request_opening,
            _("La mise en ligne est demandée\u00a0: elle se fait si tout est en place."),
            _("Mettre ce site en ligne\u00a0?"),
            _(
                "Les conditions sont vérifiées de nouveau. Si toutes sont remplies, le site prend "
                "aussitôt des rendez-vous\u00a0; sinon rien ne change, et la fiche dit ce qui manque."
            ),
            _("Mettre en ligne"),
        ),
        "reprendre": ClientAction(
            services.resume,
            _("Le site prend de nouveau des rendez-vous."),
            _("Reprendre les rendez-vous\u00a0?"),
            _(
                "Le site prend de nouveau des rendez-vous tout de suite, et le titulaire reçoit un "
                "e-mail qui le lui dit. Le motif de la suspension n’est plus affiché."
            ),
            _("Reprendre les rendez-vous"),
        ),
        "preparer": ClientAction(
            services.request_seeding,
            _("La préparation de l’espace recommence."),
            _("Recommencer la préparation\u00a0?"),
            _(
                "Ce qui manque est créé\u00a0: clé, cabinet, lieu, agenda, invitation. Ce qui existe "
                "ne change pas, et une invitation déjà partie n’est pas envoyée de nouveau."
            ),
            _("Recommencer la préparation"),
        ),
        "renvoyer": ClientAction(
            services.request_invitation,
            _("Un nouveau lien part. L’ancien ne sert plus."),
            _("Envoyer un nouveau lien au titulaire\u00a0?"),
            _(
                "Un lien valable sept jours part à l’adresse de la commande. Celui d’avant ne sert "
                "plus. Si le titulaire a déjà ouvert son compte, rien ne part."
            ),
            _("Envoyer un nouveau lien"),
        ),
        "retirer": ClientAction(
            services.request_withdrawal,
            _("Le retrait est demandé. Le lien ne servira plus."),
            _("Retirer l’invitation du titulaire\u00a0?"),
            _(
                "Le lien déjà envoyé n’ouvre plus rien. Personne n’est prévenu. Vous pourrez en "
                "envoyer un autre. Un compte déjà ouvert le reste."
            ),
            _("Retirer l’invitation"),
            is_destructive=True,
        ),
    }
)

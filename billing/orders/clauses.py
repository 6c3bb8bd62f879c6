"""The clauses of an order form (F-31) and the versions of what it refers to.

A lawyer must read these texts before the first real contract; a change of a text is a new version.
"""

from billing.orders.order_snapshot import Clause

TERMS_VERSION = "1"
"""Version of the conditions of the service and of the clauses below."""
DPA_VERSION = "1"
"""Version of the contract about the processing of personal data (article 28 GDPR)."""

CLAUSES = (
    Clause(
        "Ce qui n’est pas compris",
        "La rédaction de textes et la prise de photos, la reprise de données d’un autre logiciel et "
        "les SMS au-delà du nombre commandé, sauf s’ils figurent parmi les lignes ci-dessus.",
    ),
    Clause(
        "Mise en ligne",
        "Le site est mis en ligne dans les dix jours ouvrés qui suivent la remise des textes, des "
        "horaires et des motifs par le client.",
    ),
    Clause(
        "Facturation et prélèvement",
        "L’abonnement est facturé d’avance, au premier jour de chaque période. La facture est "
        "payable à trente jours par virement, ou par prélèvement SEPA annoncé quatorze jours avant "
        "sa date quand un mandat est signé.",
    ),
    Clause(
        "Révision du prix",
        "Un nouveau prix est annoncé par e-mail deux mois avant la période à laquelle il s’applique. "
        "Le client peut résilier sans frais avant cette date. Une période déjà facturée garde son "
        "prix.",
    ),
    Clause(
        "Durée et renouvellement",
        "L’abonnement dure une période et se renouvelle d’une période à la fois, sans engagement "
        "plus long que celui qui est écrit ci-dessus.",
    ),
    Clause(
        "Résiliation et changement de prestataire",
        "Chaque partie résilie par écrit, avec un mois de préavis. Le client reçoit ses données dans "
        "un format lisible par d’autres logiciels, puis son espace est supprimé et une attestation "
        "lui est remise.",
    ),
    Clause(
        "Assistance et disponibilité",
        "Une personne répond par téléphone et par e-mail les jours ouvrés. Le service vise une "
        "disponibilité de 99,5 % par mois, hors maintenance annoncée.",
    ),
    Clause(
        "Textes, photos et site",
        "Le client garde la propriété de ses textes et de ses photos et autorise leur publication "
        "sur son site pendant le contrat. Le logiciel reste à lib-rdv.",
    ),
    Clause(
        "Noms de domaine",
        "Un nom de domaine commandé est enregistré au nom du client, qui en est le titulaire et le "
        "garde en cas de départ.",
    ),
    Clause(
        "Hébergement et données",
        "Le site et les données sont hébergés en France. lib-rdv traite les données des patients "
        "pour le compte du client, selon le contrat de sous-traitance et la fiche de traitement "
        "joints.",
    ),
    Clause(
        "Responsabilité",
        "lib-rdv répond des dommages directs dus à une faute prouvée, dans la limite des sommes "
        "payées au cours des douze derniers mois. Cette limite ne vaut ni pour une faute lourde ni "
        "pour les données personnelles.",
    ),
    Clause(
        "Droit applicable et tribunal",
        "Le contrat suit le droit français. En cas de désaccord, les parties cherchent d’abord une "
        "solution amiable ; le tribunal compétent est celui que désigne la loi.",
    ),
)
ANNEXES = (
    f"Conditions du service, version {TERMS_VERSION}",
    f"Contrat de sous-traitance des données, version {DPA_VERSION}",
    "Fiche de traitement",
    "Liste des prestataires",
)

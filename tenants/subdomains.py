"""Rules for the subdomain of a practice: not reserved by lib-rdv, not misleading (G-02)."""

import re

_RESERVED = (
    "www api admin administration app apps assets auth blog bureau calendar cdn client clients"
    " compte connect contact courrier demo desk dev dns docs espace example exemple facture factures"
    " ftp git health help imap info invitation legal lib-rdv librdv localhost login mail"
    " media metrics monitoring mta mx news noreply ns ns1 ns2 ordre paiement pop postmaster"
    " preprod prod public rdv root securite security signin smtp sso staff static status"
    " support test tests vault vpn webmail websocket ws"
)
RESERVED = frozenset(_RESERVED.split())
MISLEADING = (
    "ameli",
    "assurance-maladie",
    "cpam",
    "cnil",
    "doctolib",
    "esante",
    "gouv",
    "lib-rdv",
    "librdv",
    "mssante",
    "ordre-des",
    "ordre-national",
    "sante-fr",
    "santepublique",
    "securite-sociale",
    "vitale",
)
"""Parts of names that suggest an authority or a service of another company."""

_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])")


class UnusableNameError(ValueError):
    """The subdomain is malformed, reserved or misleading; the message is the code of the reason."""


def check_name(name: str) -> str:
    """Return the subdomain in lower case. Raises UnusableNameError."""
    name = name.strip().lower()
    if not _SHAPE.fullmatch(name) or "--" in name or name.isdigit():
        raise UnusableNameError("shape")
    if name in RESERVED:
        raise UnusableNameError("reserved")
    if any(part in name for part in MISLEADING):
        raise UnusableNameError("misleading")
    return name

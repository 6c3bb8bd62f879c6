"""The legal identity of the practice on its site (C-04, G-04): one source for each fact.

Once lib-rdv's staff have confirmed the client's file, name, legal form, numbers and address of the contract are
shown; ``billing`` registers how they are read. Before that, and for the other facts, the practice states them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from booking.models import Practice
from booking.models.practice import CONTRACT_FIELDS, LEGAL_IDENTITY
from booking.scheduling.catalogue import save_practice, state_identity

STATED_FIELDS = tuple(name for name in LEGAL_IDENTITY if name not in CONTRACT_FIELDS)
"""The columns that the legal notice needs of the practice in each case."""


@dataclass(frozen=True, slots=True)
class LegalIdentity:
    """Who runs the site. ``changed_at`` is the last change of a confirmed identity, None for a stated one."""

    name: str
    legal_form: str
    siren: str
    vat_number: str
    street: str
    postcode: str
    town: str
    building: str = ""
    is_confirmed: bool = False
    changed_at: datetime | None = None


IdentitySource = Callable[[], LegalIdentity | None]
_sources: list[IdentitySource] = []


def register_identity_source(source: IdentitySource) -> None:
    """Set how a confirmed identity is read inside a practice's unit; raise ValueError when it is set already."""
    if _sources:
        raise ValueError(source)
    _sources.append(source)


def confirmed_identity() -> LegalIdentity | None:
    """Return the confirmed identity of the practice whose unit is open; None before staff confirmed one."""
    return _sources[0]() if _sources else None


def legal_identity(practice: Practice) -> LegalIdentity:
    """Return the confirmed identity, or what the practice states; one query."""
    return confirmed_identity() or LegalIdentity(
        name=practice.legal_name or practice.name,
        legal_form=practice.legal_form,
        siren=practice.siren,
        vat_number=practice.vat_number,
        street=practice.street,
        postcode=practice.postcode,
        town=practice.legal_town,
    )


def has_legal_identity(practice: Practice) -> bool:
    """Return whether the legal notice can be published (C-04)."""
    if all(getattr(practice, name) for name in LEGAL_IDENTITY):
        return True
    is_stated = all(getattr(practice, name) for name in STATED_FIELDS)
    return is_stated and confirmed_identity() is not None


def contract_values(identity: LegalIdentity) -> dict[str, str]:
    """Return an identity as the columns of Practice."""
    return {
        "legal_name": identity.name,
        "legal_form": identity.legal_form,
        "siren": identity.siren,
        "vat_number": identity.vat_number,
        "street": identity.street,
        "postcode": identity.postcode,
        "legal_town": identity.town,
    }


def request_correction(*, values: Mapping[str, str], actor: str, now: datetime) -> None:
    """Ask lib-rdv's staff to correct the identity of the contract; the site shows it once they have."""
    practice = save_practice(values=values, actor=actor, now=now)
    state_identity(practice, now=now)

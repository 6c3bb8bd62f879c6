"""What staff write into the file of a client (G-04, F-12). Inside the unit ``public``."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from billing.clients.identity import IdentityReason, LegalForm, contradictions
from billing.clients.models import Client, ClientAddress
from billing.parties import Address
from billing.territories import Territory, territory_of
from tenants.audit.services import record
from tenants.models import Tenant


class FileExistsAlready(Exception):
    """The practice has a client's file already."""


class IncompleteFile(Exception):
    """The numbers of the client are missing or contradictory, or it has no establishment."""

    def __init__(self, reason: IdentityReason | None) -> None:
        super().__init__(reason.value if reason else "address")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What is known of a client; the readers of ``billing.clients.identity`` have read the numbers.

    ``headcount_at_most_five`` is None when it was not asked; ``billing`` is None when invoices go to the
    establishment; ``phone`` is in E.164.
    """

    legal_form: LegalForm
    legal_name: str
    establishment: Address
    trade_name: str = ""
    siren: str = ""
    siret: str = ""
    vat_number: str = ""
    headcount_at_most_five: bool | None = None
    phone: str = ""
    email: str = ""
    billing: Address | None = None

    @property
    def suggested_territory(self) -> Territory:
        """Return what the establishment suggests. Raises UnknownPostcode."""
        return territory_of(self.establishment.country, self.establishment.postcode)


def create_client(
    *, identity: ClientIdentity, tenant: Tenant | None, actor: str, now: datetime
) -> Client:
    """Open the file of a client; ``tenant`` is its practice, None before its first order.

    The territory is what the address suggests, not confirmed yet. Raises FileExistsAlready, UnknownPostcode.
    """
    client = Client(tenant=tenant, territory=identity.suggested_territory, created_at=now)
    try:
        with transaction.atomic():
            _write(client, identity)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise FileExistsAlready from None
    record(verb="client.created", ref=client.ref, actor=actor, now=now)
    return client


def correct_client(
    *, client: Client, identity: ClientIdentity, actor: str, now: datetime
) -> Client:
    """Change the identity and the addresses of a client; issued documents keep their copies (F-21).

    Another country or postcode of the establishment, or numbers that no longer agree, withdraw the confirmation of
    the territory. Raises UnknownPostcode.
    """
    locked = Client.objects.select_for_update().get(pk=client.pk)
    has_moved = _place_of(locked) != (
        identity.establishment.country,
        identity.establishment.postcode,
    )
    if has_moved or not locked.territory:
        locked.territory = identity.suggested_territory
        locked.territory_confirmed_at = None
    locked.identity_changed_at = now
    _write(locked, identity)
    if next(_wrong(locked), None):
        Client.objects.filter(pk=locked.pk).update(territory_confirmed_at=None)
    record(verb="client.corrected", ref=locked.ref, actor=actor, now=now)
    return locked


def confirm_territory(*, client: Client, territory: Territory, actor: str, now: datetime) -> None:
    """Record that staff checked where the client is established; invoices need it (F-12).

    Raises IncompleteFile when the client has no establishment, or numbers that an invoice to this territory needs
    are missing or contradictory.
    """
    locked = Client.objects.select_for_update().get(pk=client.pk)
    locked.territory, locked.territory_confirmed_at = territory, now
    if _place_of(locked) is None:
        raise IncompleteFile(None)
    if reason := next(_wrong(locked), None):
        raise IncompleteFile(reason)
    locked.save(update_fields=["territory", "territory_confirmed_at"])
    record(verb="client.territory_confirmed", ref=locked.ref, actor=actor, now=now)


def _wrong(client: Client) -> Iterator[IdentityReason]:
    return contradictions(
        territory=Territory(client.territory),
        siren=client.siren,
        siret=client.siret,
        vat_number=client.vat_number,
    )


def _place_of(client: Client) -> tuple[str, str] | None:
    found = ClientAddress.objects.filter(client=client, kind=ClientAddress.Kind.ESTABLISHMENT)
    return found.values_list("country", "postcode").first()


def _write(client: Client, identity: ClientIdentity) -> None:
    client.legal_form = identity.legal_form
    client.is_sole_trader = identity.legal_form is LegalForm.SOLE_TRADER
    client.legal_name, client.trade_name = identity.legal_name, identity.trade_name
    client.siren, client.siret = identity.siren, identity.siret
    client.vat_number = identity.vat_number
    client.headcount_at_most_five = identity.headcount_at_most_five
    client.phone, client.email = identity.phone, identity.email
    client.save()
    _write_address(client, ClientAddress.Kind.ESTABLISHMENT, identity.establishment)
    _write_address(client, ClientAddress.Kind.BILLING, identity.billing)


def _write_address(client: Client, kind: ClientAddress.Kind, address: Address | None) -> None:
    rows = ClientAddress.objects.filter(client=client, kind=kind)
    if address is None:
        rows.delete()
        return
    values = {
        "street": address.street,
        "building": address.building,
        "postcode": address.postcode,
        "town": address.town,
        "country": address.country,
    }
    ClientAddress.objects.update_or_create(client=client, kind=kind, defaults=values)

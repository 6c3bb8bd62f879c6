"""The first rows of a new space: its key, its practice, one place, one agenda, one invitation."""

from dataclasses import dataclass
from datetime import datetime

from booking.models import Location, Practice, Practitioner
from tenants.accounts.models import Invitation, Role
from tenants.accounts.services.invitations import Invited, invite
from tenants.keyring.services import ensure_tenant_key
from tenants.models import Tenant


@dataclass(frozen=True)
class Furniture:
    """What the order says of the practice and its owner."""

    practice_name: str
    profession: str
    time_zone: str
    territory: str
    owner_name: str
    owner_email: str

    @classmethod
    def of(cls, tenant: Tenant) -> "Furniture":
        """Read it from the client's row."""
        return cls(
            practice_name=tenant.name,
            profession=tenant.profession,
            time_zone=tenant.time_zone,
            territory=tenant.territory,
            owner_name=tenant.owner_name,
            owner_email=tenant.owner_email,
        )


def furnish(furniture: Furniture, *, now: datetime) -> None:
    """Make what is missing, inside the tenant's unit; running it again changes nothing.

    Names fit their columns: the forms of the order are no longer than those of the practice.
    """
    ensure_tenant_key(now=now)
    practice, is_new = Practice.objects.get_or_create(
        id=1,
        defaults={
            "name": furniture.practice_name[:80],
            "profession": furniture.profession[:60],
            "email": furniture.owner_email,
            "publication_director": furniture.owner_name,
        },
    )
    if not is_new:
        return
    Location.objects.create(
        name="Cabinet", time_zone=furniture.time_zone, territory=furniture.territory
    )
    practitioner = Practitioner.objects.create(
        name=furniture.owner_name[:80], title=practice.profession
    )
    if not Invitation.objects.exists():
        invited = Invited(
            email=furniture.owner_email,
            role=Role.OWNER,
            name=furniture.owner_name,
            practitioner_ref=practitioner.ref,
        )
        invite(invited=invited, invited_by=None, actor="system", now=now)

"""The invitation of a client's owner, handled inside the tenant's unit by a worker."""

from datetime import datetime

from booking.models import Practitioner
from compliance.desk.furnishing import Furniture
from compliance.desk.health import owner_invitation
from tenants.accounts.models import Membership, Role
from tenants.accounts.services import invitations
from tenants.accounts.services.invitations import Invited
from tenants.trail.services import SYSTEM


def invite_again(furniture: Furniture, *, now: datetime) -> None:
    """Send a new link to the address of the order; the old one stops. Nothing once it was accepted."""
    held = owner_invitation()
    # A role of owner, even taken back, says that the link has served; its invitation is forgotten in time.
    if Membership.objects.filter(role=Role.OWNER).exists():
        return
    if held is not None and held.revoked_at is None and held.email == furniture.owner_email:
        invitations.renew(invitation=held, actor=SYSTEM, now=now)
        return
    if held is not None:
        invitations.revoke_invitation(invitation=held, actor=SYSTEM, now=now)
    first = Practitioner.objects.filter(user__isnull=True).first()
    invited = Invited(
        email=furniture.owner_email,
        role=Role.OWNER,
        name=furniture.owner_name,
        practitioner_ref=first.ref if first else None,
    )
    invitations.invite(invited=invited, invited_by=None, actor=SYSTEM, now=now)


def withdraw(*, now: datetime) -> None:
    """Close the link that is out."""
    held = owner_invitation()
    if held is not None:
        invitations.revoke_invitation(invitation=held, actor=SYSTEM, now=now)

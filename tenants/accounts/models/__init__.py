"""The tables of accounts: users, memberships with roles, invitations, changes of address."""

from tenants.accounts.models.email_change import EmailChange
from tenants.accounts.models.invitation import Invitation
from tenants.accounts.models.membership import Membership, MembershipScope, Role
from tenants.accounts.models.user import User

__all__ = ["EmailChange", "Invitation", "Membership", "MembershipScope", "Role", "User"]

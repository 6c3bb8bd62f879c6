"""The errors of accounts."""


class AccountError(Exception):
    """The base class of the errors of accounts."""


class InvitationClosedError(AccountError):
    """The link of the invitation is unknown, used, revoked or expired."""


class LinkClosedError(AccountError):
    """The link of the change of address is unknown, used, cancelled or expired."""


class MessageLimitError(AccountError):
    """As many of these e-mails as a day allows have left for the account, the address or the practice."""


class RoleGoneError(AccountError):
    """The role was revoked by a concurrent request."""


class LastOwnerError(AccountError):
    """The change would leave the practice without an owner."""

"""What can be refused in accounts."""


class AccountError(Exception):
    """Base class of every refusal of this app."""


class InvitationClosedError(AccountError):
    """The link is unknown, already used, revoked, or past its end."""


class LinkClosedError(AccountError):
    """The link is unknown, already used, given up, or past its end."""


class RoleGoneError(AccountError):
    """The role was taken back meanwhile."""


class LastOwnerError(AccountError):
    """The practice would be left without anybody who may manage it."""

"""Answers that refuse, in the shape of Google's JSON errors."""

from typing import Any

_SAYS = {
    "authError": ("global", "Invalid Credentials"),
    "backendError": ("global", "Backend Error"),
    "conditionNotMet": ("global", "Precondition Failed"),
    "deleted": ("global", "Resource has been deleted"),
    "duplicate": ("global", "The requested identifier already exists."),
    "forbidden": ("global", "Forbidden"),
    "fullSyncRequired": (
        "calendar",
        "Sync token is no longer valid, a full sync is required.",
    ),
    "insufficientPermissions": ("global", "Request had insufficient authentication scopes."),
    "invalid": ("global", "Invalid Value"),
    "notFound": ("global", "Not Found"),
    "notImplemented": ("global", "The fake server does not do this."),
    "parseError": ("global", "Parse Error"),
    "quotaExceeded": ("usageLimits", "Calendar usage limits exceeded."),
    "rateLimitExceeded": ("usageLimits", "Rate Limit Exceeded"),
    "required": ("global", "Required"),
    "timeRangeEmpty": ("calendar", "The specified time range is empty."),
    "timeRangeTooLong": ("calendar", "The requested time range is too long."),
    "userRateLimitExceeded": ("usageLimits", "User Rate Limit Exceeded"),
}


class Refused(Exception):  # an answer, not an error
    """An answer of the API with one of Google's reasons; `location` names the culprit."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        location: str = "",
        location_type: str = "parameter",
    ) -> None:
        self.domain, usual = _SAYS.get(reason, ("global", reason))
        self.status, self.reason, self.message = status, reason, message or usual
        self.location, self.location_type = location, location_type
        super().__init__(f"{status} {reason}: {self.message}")

    def body(self) -> dict[str, Any]:
        """What Google writes."""
        detail = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location:
            detail |= {"locationType": self.location_type, "location": self.location}
        return {"error": {"errors": [detail], "code": self.status, "message": self.message}}


class OAuthRefused(Exception):  # an answer, not an error
    """An answer of the authorization or token endpoint with one of OAuth's error codes."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status, self.error, self.description = status, error, description

    def body(self) -> dict[str, Any]:
        """What Google writes."""
        return {"error": self.error, "error_description": self.description}

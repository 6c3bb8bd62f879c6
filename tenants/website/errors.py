"""What can be refused about a practice's pages. Messages name no person."""


class WebsiteError(Exception):
    """Something about the pages cannot be done."""


class EditedMeanwhile(WebsiteError):
    """Somebody else changed this part since it was opened."""


class CannotPublish(WebsiteError):
    """A mandatory mention is missing, or there is nothing to publish."""


class UnusablePicture(WebsiteError):
    """The file is no picture that can be shown; ``reason`` says why, for the form to put into words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

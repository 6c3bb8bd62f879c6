"""The errors of a practice's website. Messages name no person."""


class WebsiteError(Exception):
    """The base class of the errors of the website."""


class EditedMeanwhile(WebsiteError):
    """Another user changed this part after the form was opened."""


class CannotPublish(WebsiteError):
    """A mandatory mention is missing, the texts are too long, or the draft has no change."""


class UnusablePicture(WebsiteError):
    """The uploaded file is no usable picture; ``reason`` is a code that the form translates."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

"""A response completed after its unit of work: the only kind that may wait for an external service."""

from collections.abc import Callable

from django.http import HttpResponse


class DeferredResponse(HttpResponse):
    """A response of a view that has read all its rows; ``finish`` returns the content after the commit.

    No connection and no transaction is held meanwhile. ``finish`` must not raise: it reports missing data in
    the content.
    """

    def __init__(self, finish: Callable[[], str]) -> None:
        super().__init__()
        self._finish = finish

    def finish(self) -> None:
        """Set the content; called by the middleware, outside any unit."""
        self.content = self._finish()
        self["Content-Length"] = str(len(self.content))

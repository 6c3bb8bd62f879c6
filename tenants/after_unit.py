"""An answer that is finished when its unit of work is over: the only one that may wait for an outside."""

from collections.abc import Callable

from django.http import HttpResponse


class AfterUnit(HttpResponse):
    """Returned by a view that has checked and read all it needs; ``content`` is called after the commit.

    No connection and no transaction is held while it waits. Whatever it raises is a 500, so it raises
    nothing: what cannot be had is said in the content.
    """

    def __init__(self, finish: Callable[[], str]) -> None:
        super().__init__()
        self._finish = finish

    def finish(self) -> None:
        """Fill the content; called by the middleware, outside any unit."""
        self.content = self._finish()
        self["Content-Length"] = str(len(self.content))

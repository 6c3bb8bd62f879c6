"""What a browser would send from a served page: the values of its fields as they are shown."""

from html.parser import HTMLParser
from typing import Any


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._select = ""
        self._is_multiple = False
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the value of a field."""
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "input" and name:
            self._take_input(name, found)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in found or self._select not in self.values:
                self.values[self._select] = found.get("value", "")
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""

    def _take_input(self, name: str, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        if kind == "checkbox" and "checked" in found:
            self.values.setdefault(name, []).append(found.get("value", "on"))
        elif kind == "radio" and "checked" in found:
            self.values[name] = found.get("value", "on")
        elif kind not in {"checkbox", "radio", "file", "submit"}:
            self.values[name] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Leave a list or a text."""
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self.values[self._area] = (
                self.values[self._area].removeprefix("\r\n").removeprefix("\n")
            )
            self._area = ""

    def handle_data(self, data: str) -> None:
        """Take the words of a text."""
        if self._area:
            self.values[self._area] += data


def shown_values(page: str) -> dict[str, Any]:
    """Return the values of all fields of a page: typed and hidden ones, chosen options, ticked boxes.

    Of a list without a chosen option it is the first one, as browsers do.
    """
    fields = _Fields()
    fields.feed(page)
    return fields.values

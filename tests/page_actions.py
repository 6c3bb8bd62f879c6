"""What a page lets its reader press: its links, and its forms with each of their buttons."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit


@dataclass
class FormOnPage:
    """One form: where it is sent, how, its values as shown, and the (name, value) pairs of its buttons."""

    action: str
    method: str
    values: dict[str, Any] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def sent(self) -> list[dict[str, Any]]:
        """Return what a browser sends for each button; for a form without buttons its values alone."""
        return [
            {**self.values, **({name: value} if name else {})}
            for name, value in self.buttons or [("", "")]
        ]


class _Actions(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.forms: list[FormOnPage] = []
        self._form: FormOnPage | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link, a form, or a part of the open form."""
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.append(urljoin(self.address, found["href"]))
        elif tag == "form":
            action = urljoin(self.address, found.get("action", "") or self.address)
            if "data-scripted" in found:
                action = ""
            self._form = FormOnPage(action, found.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._take(tag, found, self._form)

    def handle_endtag(self, tag: str) -> None:
        """Close a form or a list."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""

    def _take(self, tag: str, found: dict[str, str], form: FormOnPage) -> None:
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "button" and found.get("type", "submit") == "submit":
            form.buttons.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in found or self._select not in form.values:
                form.values[self._select] = value
        elif tag == "textarea":
            form.values.setdefault(name, "")
        elif tag == "input" and name:
            _take_input(form, name, value, found)


def _take_input(form: FormOnPage, name: str, value: str, found: dict[str, str]) -> None:
    kind = found.get("type", "text")
    if kind in {"checkbox", "radio"}:
        if "checked" in found:
            form.values.setdefault(name, []).append(value or "on")
    elif kind not in {"file", "submit"}:
        form.values[name] = value


def actions_of(page: str, *, address: str) -> tuple[list[str], list[FormOnPage]]:
    """Return the addresses of the links of a page, without their fragments, and its forms."""
    read = _Actions(address)
    read.feed(page)
    return [urlsplit(link)._replace(fragment="").geturl() for link in read.links], read.forms

"""The file of a client, made of registered tabs: higher packages add theirs in ``AppConfig.ready()``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise

from billing.clients.models import Client
from tenants.desk.fragments import Fragment
from tenants.desk.registry import Registry


@dataclass(frozen=True)
class ClientTab:
    """A tab of a client's file; ``name`` is the value of the parameter ``onglet`` that shows it."""

    name: str
    label: Promise | str
    order: int
    read: Callable[[Client, datetime], Fragment]
    """Takes the client, read with its ``tenant`` and ``addresses``, and the current instant, inside ``public``."""


_tabs: Registry[ClientTab] = Registry()


def register_tab(tab: ClientTab) -> None:
    """Add a tab; raise ValueError when its name is registered already."""
    _tabs.register(tab)


def tabs() -> list[ClientTab]:
    """Return the tabs in their order."""
    return _tabs.in_order()


def tab_named(name: str) -> ClientTab:
    """Return the tab of this name; the first one for an unknown name."""
    found = tabs()
    return next((tab for tab in found if tab.name == name), found[0])

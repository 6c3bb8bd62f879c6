"""The sheet of a client, made of registered sections."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tenants.desk.fragments import Fragment
from tenants.desk.registry import Registry
from tenants.models import Tenant


class SheetColumn(Enum):
    """The two columns of the sheet; on a narrow screen the side column follows the main one."""

    MAIN = "main"
    SIDE = "side"


@dataclass(frozen=True)
class ClientSection:
    """A section of the sheet; its fragment is a whole ``<section>`` with its heading."""

    name: str
    order: int
    read: Callable[[Tenant, datetime], Fragment | None]
    """Takes the client, read with its ``health``, and the current instant, inside the unit ``public``.

    Returns None when the section does not concern this client.
    """
    column: SheetColumn = SheetColumn.MAIN


_sections: Registry[ClientSection] = Registry()


def register_section(section: ClientSection) -> None:
    """Add a section; raise ValueError when its name is registered already."""
    _sections.register(section)


def sections(*, tenant: Tenant, column: SheetColumn, now: datetime) -> list[Fragment]:
    """Return the sections of one column for this client, in their order."""
    fragments = [
        section.read(tenant, now) for section in _sections.in_order() if section.column is column
    ]
    return [fragment for fragment in fragments if fragment is not None]

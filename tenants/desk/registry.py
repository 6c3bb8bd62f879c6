"""A registry of named entries with an explicit order."""

from typing import Generic, Protocol, TypeVar


class RegistryEntry(Protocol):
    """The attributes of an entry: a unique name and its position, lowest first."""

    @property
    def name(self) -> str:
        """Return the name, unique in its registry."""

    @property
    def order(self) -> int:
        """Return the position; entries of equal order are sorted by name."""


EntryT = TypeVar("EntryT", bound=RegistryEntry)


class Registry(Generic[EntryT]):
    """Entries by name; filled at the start of the process and read afterwards."""

    def __init__(self) -> None:
        self._entries: dict[str, EntryT] = {}

    def register(self, entry: EntryT) -> None:
        """Add an entry; raise ValueError when its name is registered already."""
        if entry.name in self._entries:
            raise ValueError(entry.name)
        self._entries[entry.name] = entry

    def in_order(self) -> list[EntryT]:
        """Return the entries, lowest order first."""
        return sorted(self._entries.values(), key=lambda entry: (entry.order, entry.name))

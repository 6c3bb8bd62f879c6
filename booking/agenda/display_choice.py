"""The display settings of the agenda of each user."""

from booking.models import AgendaChoice


def display_choice_of(*, user_id: int) -> AgendaChoice:
    """Return the last settings of a user; by default the week by practitioner."""
    return AgendaChoice.objects.filter(user_id=user_id).first() or AgendaChoice()


def remember(
    *, user_id: int, span: str | None = None, columns: str | None = None, keys: str | None = None
) -> None:
    """Store the given settings; a word that is no valid value changes nothing. ``keys`` is "on" or "off"."""
    words = {"span": (span, AgendaChoice.Span), "columns": (columns, AgendaChoice.Columns)}
    chosen: dict[str, object] = {
        name: word for name, (word, known) in words.items() if word in known.values
    }
    if keys in {"on", "off"}:
        chosen["has_keys"] = keys == "on"
    if chosen:
        AgendaChoice.objects.update_or_create(user_id=user_id, defaults=chosen)

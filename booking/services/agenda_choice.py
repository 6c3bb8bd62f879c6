"""How somebody likes to look at the agenda."""

from booking.models import AgendaChoice


def choice_of(*, user_id: int) -> AgendaChoice:
    """Return the last choice of a user: the week by practitioner before there is one."""
    return AgendaChoice.objects.filter(user_id=user_id).first() or AgendaChoice()


def remember(
    *, user_id: int, span: str | None = None, columns: str | None = None, keys: str | None = None
) -> None:
    """Keep a choice; a word that is no choice changes nothing. ``keys`` is « oui » or « non »."""
    words = {"span": (span, AgendaChoice.Span), "columns": (columns, AgendaChoice.Columns)}
    chosen: dict[str, object] = {
        name: word for name, (word, known) in words.items() if word in known.values
    }
    if keys in {"oui", "non"}:
        chosen["has_keys"] = keys == "oui"
    if chosen:
        AgendaChoice.objects.update_or_create(user_id=user_id, defaults=chosen)

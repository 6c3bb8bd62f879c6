"""How somebody likes to look at the agenda."""

from booking.models import AgendaChoice


def choice_of(*, user_id: int) -> AgendaChoice:
    """Return the last choice of a user: the week by practitioner before there is one."""
    return AgendaChoice.objects.filter(user_id=user_id).first() or AgendaChoice()


def remember(*, user_id: int, span: str | None = None, columns: str | None = None) -> None:
    """Keep a choice; a word that is no choice changes nothing."""
    words = {"span": (span, AgendaChoice.Span), "columns": (columns, AgendaChoice.Columns)}
    chosen = {name: word for name, (word, known) in words.items() if word in known.values}
    if chosen:
        AgendaChoice.objects.update_or_create(user_id=user_id, defaults=chosen)

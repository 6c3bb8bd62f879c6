"""Forms of a Google account: connection, level and cleanup of events, disconnection."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from booking.google.choices import Choices
from booking.models import GoogleAccount
from booking.rules.erasure import EventCleanup, Level
from booking.web.dashboard.form_fields import set_choices
from tenants.edit_form import EditForm
from tenants.work_form import WorkForm

Text = str | Promise
ADDENDUM_MISSING = gettext_lazy(
    "Pour inscrire les noms, cochez cette case. Sinon, choisissez un autre niveau."
)


class ConnectForm(WorkForm):
    """The choice of the wider permission; without it where Google cannot send notifications."""

    is_instant = forms.BooleanField(
        label=gettext_lazy("Suivre mes heures occupées à la minute"),
        required=False,
        help_text=gettext_lazy(
            "Sans cette case, lib-rdv les relit toutes les dix minutes. Avec elle, Google nous avertit "
            "aussitôt, mais l’autorisation est plus large\u00a0: elle permet de suivre une à une les "
            "occupations de tous vos agendas, toujours sans les intitulés."
        ),
    )

    def __init__(self, *args: Any, has_signals: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_signals:
            del self.fields["is_instant"]

    @property
    def is_instant_wanted(self) -> bool:
        """Whether the wider permission is to be requested."""
        return bool(self.cleaned_data.get("is_instant"))


LEVELS: tuple[tuple[Level, Text, Text], ...] = (
    (
        Level.REFERENCE,
        gettext_lazy("La référence seulement"),
        gettext_lazy(
            "Rien de la personne. Ses coordonnées restent ici jusqu’à la fin du rendez-vous."
        ),
    ),
    (
        Level.INITIALS,
        gettext_lazy("Les initiales"),
        gettext_lazy(
            "De quoi vous y retrouver. Ses coordonnées restent ici jusqu’à la fin du rendez-vous."
        ),
    ),
    (
        Level.NAMED,
        gettext_lazy("Le nom, le téléphone et le motif"),
        gettext_lazy(
            "Si un téléphone est donné, les coordonnées sont effacées ici dès le rappel envoyé. Dans votre "
            "agenda, vous seul en répondez."
        ),
    ),
)
CLEANUPS: tuple[tuple[EventCleanup, Text, Text], ...] = (
    (
        EventCleanup.KEEP,
        gettext_lazy("Le laisser tel quel"),
        gettext_lazy("Il reste dans votre agenda, et vous en répondez."),
    ),
    (
        EventCleanup.ANONYMISE,
        gettext_lazy("L’anonymiser"),
        gettext_lazy(
            "Il ne dit plus que « RDV ». Les coordonnées restent ici jusque-là, et un jour de plus au besoin."
        ),
    ),
    (
        EventCleanup.DELETE,
        gettext_lazy("Le supprimer"),
        gettext_lazy(
            "Il disparaît de votre agenda. Les coordonnées restent ici jusque-là, et un jour de plus au "
            "besoin."
        ),
    ),
)


class ChoicesForm(EditForm):
    """Level and cleanup of the events, and what a lost link does (B-33 to B-35)."""

    level = forms.TypedChoiceField(
        label=gettext_lazy("Ce que disent les événements"),
        choices=[(level.value, label) for level, label, _hint in LEVELS],
        coerce=lambda value: Level(int(value)),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez ce que disent les événements.")},
    )
    is_instructed = forms.BooleanField(
        label=gettext_lazy(
            "Je demande à lib-rdv d’inscrire le nom, le téléphone et le motif dans ce compte personnel. "
            "Je sais qu’aucun contrat de Google ne couvre ces données, et que j’en réponds."
        ),
        required=False,
        help_text=gettext_lazy(
            "Nécessaire pour le nom seulement. Votre instruction est datée et gardée."
        ),
    )
    has_addendum = forms.BooleanField(
        label=gettext_lazy(
            "Mon organisation a accepté l’avenant de Google sur le traitement des données."
        ),
        required=False,
        help_text=gettext_lazy(
            "Nécessaire pour le nom seulement. Il s’accepte dans la console d’administration de Google "
            "Workspace."
        ),
    )
    writes_home_address = forms.BooleanField(
        label=gettext_lazy(
            "Je demande à lib-rdv d’inscrire aussi l’adresse des visites à domicile, et j’en réponds."
        ),
        required=False,
        help_text=gettext_lazy(
            "Avec le nom seulement. Sans cette case, l’adresse reste ici jusqu’à la fin de la visite, et les "
            "coordonnées avec elle. Votre instruction est datée et gardée."
        ),
    )
    on_erasure = forms.TypedChoiceField(
        label=gettext_lazy("Ce que devient l’événement après le rendez-vous"),
        choices=[(cleanup.value, label) for cleanup, label, _hint in CLEANUPS],
        coerce=EventCleanup,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choisissez ce que devient l’événement.")},
    )

    closes_when_lost = forms.BooleanField(
        label=gettext_lazy(
            "Si l’accès à Google se perd, fermer la réservation en ligne de cet agenda"
        ),
        required=False,
        help_text=gettext_lazy(
            "Jusqu’à ce que vous le reconnectiez. Sans cette case, on continue de réserver sans tenir compte "
            "de vos heures occupées dans Google."
        ),
    )

    def __init__(
        self, *args: Any, account: GoogleAccount, has_home_visits: bool, **kwargs: Any
    ) -> None:
        names = ("level", "on_erasure", "has_addendum", "writes_home_address", "closes_when_lost")
        kwargs["subject"] = account
        kwargs["stored"] = lambda: {name: getattr(account, name) for name in names}
        super().__init__(*args, **kwargs)
        self.is_covered = account.kind == GoogleAccount.AccountKind.WORKSPACE
        self.was_instructed = not self.is_covered and account.level == Level.NAMED
        if self.is_covered or self.was_instructed:
            del self.fields["is_instructed"]
        if not self.is_covered:
            del self.fields["has_addendum"]
        if not has_home_visits and not account.writes_home_address:
            del self.fields["writes_home_address"]

    @property
    def instruction(self) -> str:
        """The name of the field that level L2 needs, or "" when the instruction was given before."""
        if self.is_covered:
            return "has_addendum"
        return "" if self.was_instructed else "is_instructed"

    @property
    def chosen(self) -> Choices:
        """The chosen settings for ``choose``."""
        data = self.cleaned_data
        return Choices(
            level=data["level"],
            on_erasure=data["on_erasure"],
            has_addendum=bool(data.get("has_addendum")),
            is_instructed=self.was_instructed or bool(data.get("is_instructed")),
            closes_when_lost=data["closes_when_lost"],
            writes_home_address=bool(data.get("writes_home_address")),
        )

    def levels(self) -> Iterator[tuple[BoundWidget, Text]]:
        """Yield each level with its hint."""
        return zip(self["level"], (hint for _level, _label, hint in LEVELS), strict=True)

    def cleanups(self) -> Iterator[tuple[BoundWidget, Text]]:
        """Yield each cleanup with its hint."""
        return zip(self["on_erasure"], (hint for _cleanup, _label, hint in CLEANUPS), strict=True)


ENDS: tuple[tuple[GoogleAccount.OnDisconnect, Text, Text], ...] = (
    (
        GoogleAccount.OnDisconnect.KEEP,
        gettext_lazy("Le garder tel quel"),
        gettext_lazy(
            "Ses événements y restent, et vous en répondez. Si une personne demande à être effacée, "
            "lib-rdv vous le dira\u00a0: ce sera à vous de le faire."
        ),
    ),
    (
        GoogleAccount.OnDisconnect.EMPTY,
        gettext_lazy("Le vider"),
        gettext_lazy("L’agenda est refait, vide. Ce que vous y aviez noté vous-même part aussi."),
    ),
    (
        GoogleAccount.OnDisconnect.DELETE,
        gettext_lazy("Le supprimer"),
        gettext_lazy("L’agenda disparaît de votre compte, avec tout ce qu’il contient."),
    ),
)


class DisconnectForm(WorkForm):
    """What happens to the calendar "Rendez-vous"; nothing is preselected, since two choices delete data."""

    on_disconnect = forms.TypedChoiceField(
        label=gettext_lazy("Que devient l’agenda « Rendez-vous »\u00a0?"),
        choices=[(end.value, label) for end, label, _hint in ENDS],
        coerce=GoogleAccount.OnDisconnect,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choisissez ce que devient l’agenda."),
            "invalid_choice": gettext_lazy("Choisissez ce que devient l’agenda."),
        },
    )

    def __init__(self, *args: Any, is_reachable: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ends = ENDS if is_reachable else ENDS[:1]
        choices = [(end.value, label) for end, label, _hint in self.ends]
        set_choices(self, "on_disconnect", choices)

    def cards(self) -> Iterator[tuple[BoundWidget, Text]]:
        """Yield each choice with its hint."""
        return zip(self["on_disconnect"], (hint for _end, _label, hint in self.ends), strict=True)

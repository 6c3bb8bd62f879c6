"""My site (T11): the practice's public pages, edited part by part, previewed, published, unpublished."""

import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.formats import french
from booking.models import Practitioner
from booking.practice import site as service
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.access import refused as refused_page
from booking.web.dashboard.pages import show
from booking.web.public import appearance
from booking.web.public import practice as patient_pages
from booking.web.public.page import read_site
from tenants.accounts.permissions import Operation
from tenants.edit_form import EditForm
from tenants.website import colours, professions, queries
from tenants.website.content import (
    ADDED,
    CHANGED,
    PARTS,
    REMOVED,
    TEXTS,
    MissingMention,
    PracticeFacts,
    PresentedPerson,
)
from tenants.website.errors import CannotPublish, EditedMeanwhile
from tenants.website.forms import (
    PICTURE_FORMS,
    CardForm,
    ColourForm,
    PictureForm,
    QuestionnaireForm,
    SiteTextForm,
)
from tenants.website.models import Card, Picture
from tenants.website.professions import Mention
from tenants.website.queries import Workshop
from tenants.website.services import (
    answers,
    drafts,
    gallery,
)
from tenants.website.services import (
    publication as publishing,
)

P = ParamSpec("P")
View = Callable[Concatenate[DashboardRequest, P], HttpResponse]
_HOUSE_COLOUR = "#0a4f5c"
_CARD_FIELDS = ("profession", "presentation", "rpps", "adeli", "order_number", "display_requested")


def _of_the_practice(view: View[P]) -> View[P]:
    """Restrict a view to users with the right to edit all public pages, not only their own presentation."""

    @functools.wraps(view)
    def guarded(request: DashboardRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.access.allows(Operation.EDIT_SITE):
            return refused_page(request)
        return view(request, *args, **kwargs)

    return guarded


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show the draft, its differences from the published pages, and the obstacles to publishing."""
    workshop = queries.workshop(_known(request))
    is_whole = request.access.allows(Operation.EDIT_SITE)
    context = {
        "workshop": workshop,
        "is_whole": is_whole,
        "state": _state_words(request, workshop),
        "changes": _change_words(workshop),
        "sections": _sections(workshop) if is_whole else [],
        "people": _people(request, workshop),
        "missing": _missing_links(workshop),
        "warnings": workshop.warnings if is_whole else [],
        "was_asked": answers.answers() is not None if is_whole else True,
        "part_names": PARTS,
    }
    return show(request, "site/index", context, tab=_tab(request))


def _missing_links(workshop: Workshop) -> list[tuple[str, str]]:
    """Return each missing mention with the address of the page that completes it."""
    return [
        (", ".join(filter(None, (str(mention.words), mention.name))), _page_of(mention))
        for mention in workshop.missing
    ]


def _page_of(mention: MissingMention) -> str:
    if mention.part == "number":
        return reverse("dashboard:site_card", args=[mention.person])
    if mention.part in {Mention.PRICES, Mention.PAYMENT}:
        return reverse("dashboard:site_text", args=[mention.part])
    return reverse("dashboard:places" if mention.part == Mention.ADDRESS else "dashboard:practice")


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_text(request: DashboardRequest, part: str) -> HttpResponse:
    """Edit one text; after a concurrent change show the other version and keep the typed one."""
    if part not in TEXTS:
        raise Http404
    known = _known(request)
    draft_text = str(getattr(queries.workshop(known).draft, part))
    form = SiteTextForm(
        request.POST if request.method == "POST" else None,
        part=part,
        initial={"text": draft_text, "seen": drafts.fingerprint(draft_text)},
    )
    theirs = ""
    if form.is_valid():
        try:
            drafts.save_text(
                part=part,
                typed=form.cleaned_data["text"],
                seen=form.cleaned_data["seen"],
                known=known,
                actor=actor(request),
                now=request.now,
            )
        except EditedMeanwhile:
            theirs = draft_text
            form = SiteTextForm(
                {"text": form.cleaned_data["text"], "seen": drafts.fingerprint(draft_text)},
                part=part,
            )
            form.add_error(
                "text",
                _(
                    "Quelqu’un a modifié ce texte entre-temps. Reprenez le sien, ou enregistrez le vôtre."
                ),
            )
        else:
            messages.success(
                request, _("Le texte est enregistré. Vos patients ne le voient pas encore.")
            )
            return redirect("dashboard:site")
    context = {"form": form, "title": TEXTS[part], "theirs": theirs}
    return _form_page(request, "site/text", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_colour(request: DashboardRequest) -> HttpResponse:
    """Choose the colour, and preview it in the light and the dark scheme."""
    known = _known(request)
    draft_colour = queries.workshop(known).draft.colour
    if request.method == "POST" and request.POST.get("action") == "remove":
        drafts.save_colour(typed="", known=known, actor=actor(request), now=request.now)
        messages.success(
            request, _("Le site reprend la couleur de lib-rdv à la prochaine publication.")
        )
        return redirect("dashboard:site")
    form = ColourForm(
        request.POST if request.method == "POST" else None,
        subject="site.colour",
        stored=lambda: {"colour": queries.workshop(known).draft.colour or _HOUSE_COLOUR},
    )
    shown = draft_colour
    if form.is_valid():
        shown = form.cleaned_data["colour"]
        if request.POST.get("action") != "try":
            drafts.save_colour(typed=shown, known=known, actor=actor(request), now=request.now)
            messages.success(request, _colour_words(shown))
            return redirect("dashboard:site_colour")
    context = {
        "form": form,
        "draft_colour": draft_colour,
        "brand": colours.brand(shown) if shown else None,
        "word": _colour_words(shown) if shown else "",
    }
    return _form_page(request, "site/colour", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_picture(request: DashboardRequest, kind: str) -> HttpResponse:
    """Add a photo or a logo to the pages, change its description, or remove it."""
    if kind not in PICTURE_FORMS:
        raise Http404
    known = _known(request)
    picture: Picture | None = getattr(queries.workshop(known).draft, kind)
    if request.method == "POST" and request.POST.get("action") == "remove":
        gallery.remove_picture(kind=kind, known=known, actor=actor(request), now=request.now)
        messages.success(
            request, _("L’image est retirée. Publiez pour que vos patients ne la voient plus.")
        )
        return redirect("dashboard:site")
    is_post = request.method == "POST"
    form = PICTURE_FORMS[kind](
        request.POST if is_post else None,
        request.FILES if is_post else None,
        has_picture=picture is not None,
        subject=f"site.{kind}",
        stored=lambda: _picture_values(getattr(queries.workshop(known).draft, kind)),
    )
    if form.is_valid():
        _keep_picture(request, form, kind, known)
        messages.success(
            request, _("L’image est enregistrée. Vos patients ne la voient pas encore.")
        )
        return redirect("dashboard:site")
    context = {"form": form, "kind": kind, "title": PARTS[kind], "picture": picture}
    return _form_page(request, "site/picture", context)


@requires(Operation.EDIT_SITE)
def edit_card(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Edit the presentation of a practitioner; the professional number shows only at their request (G-06)."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.EDIT_SITE)
    may_ask = practitioner.user_id in {None, request.user.pk}
    form = CardForm(
        request.POST if request.method == "POST" else None,
        subject=f"site.card.{practitioner.ref}",
        stored=lambda: _card_values(queries.workshop(_known(request)).card(practitioner.ref)),
        may_ask=may_ask,
        practitioner_name=practitioner.name,
    )
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in _CARD_FIELDS}
        if not may_ask:
            values.pop("display_requested")
        drafts.save_card(
            practitioner_ref=practitioner.ref, values=values, actor=actor(request), now=request.now
        )
        if form.has_doubtful_rpps:
            messages.warning(
                request,
                _(
                    "Le numéro RPPS est enregistré, mais sa clé ne correspond pas\u00a0: relisez ses chiffres."
                ),
            )
        messages.success(
            request, _("La présentation est enregistrée. Vos patients ne la voient pas encore.")
        )
        return redirect("dashboard:site")
    rule = professions.profession(str(form["profession"].value()))
    context = {"form": form, "practitioner": practitioner, "rule": rule}
    return _form_page(request, "site/card", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def answer_questionnaire(request: DashboardRequest) -> HttpResponse:
    """Ask once for the facts that the settings lack, and fill the texts that are still empty (G-08)."""
    known = _known(request)
    form = QuestionnaireForm(
        request.POST if request.method == "POST" else None,
        subject="site.questionnaire",
        stored=answers.answers_as_json,
        names=[practitioner.name for practitioner in request.practitioners],
    )
    if form.is_valid():
        filled = answers.save_answers(
            answers=form.answers, known=known, actor=actor(request), now=request.now
        )
        messages.success(request, _filled_words(filled))
        return redirect("dashboard:site")
    return _form_page(request, "site/questionnaire", {"form": form, "facts": service.facts()})


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview(request: DashboardRequest) -> HttpResponse:
    """Show the patients' page with the draft in it, by the same template."""
    workshop = queries.workshop(_known(request))
    site = read_site(request, draft=workshop.content)
    return patient_pages.preview(request, site)


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview_colour(request: DashboardRequest) -> HttpResponse:
    """Return the style sheet of the draft's colour."""
    colour = queries.workshop(PracticeFacts()).draft.colour
    if not colour:
        raise Http404
    return HttpResponse(colours.stylesheet(colour), content_type="text/css; charset=utf-8")


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview_picture(request: DashboardRequest, ref: uuid.UUID, size: str) -> HttpResponse:
    """Return an unpublished picture to users with the right to edit the pages."""
    found = queries.any_file(ref, size)
    if found is None:
        raise Http404
    return appearance.picture_response(found)


@requires(Operation.EDIT_SITE, methods=("POST",))
@_of_the_practice
def publish(request: DashboardRequest) -> HttpResponse:
    """Replace the published pages by the draft."""
    try:
        service.publish(
            known=_known(request),
            by=request.user,
            seen=request.POST.get("seen", ""),
            actor=actor(request),
            now=request.now,
        )
    except EditedMeanwhile:
        messages.error(
            request,
            _(
                "Rien n’a été publié\u00a0: le brouillon a changé entre-temps. Relisez-le, puis publiez."
            ),
        )
    except CannotPublish:
        messages.error(request, _("Rien n’a été publié\u00a0: voyez ci-dessous ce qui manque."))
    else:
        messages.success(
            request, _("Votre site est publié. Vos patients le voient dès maintenant.")
        )
    return redirect("dashboard:site")


@requires(Operation.EDIT_SITE)
@_of_the_practice
def unpublish(request: DashboardRequest) -> HttpResponse:
    """Ask for confirmation, then unpublish the pages; the draft stays."""
    known = _known(request)
    if request.method == "POST":
        if publishing.unpublish(known=known, actor=actor(request), now=request.now):
            messages.success(
                request, _("Vos textes et vos images ne sont plus en ligne. Le brouillon reste.")
            )
        return redirect("dashboard:site")
    workshop = queries.workshop(known)
    if workshop.publication is None:
        return redirect("dashboard:site")
    return show(request, "site/unpublish", {"workshop": workshop}, tab=_tab(request))


def _known(request: DashboardRequest) -> PracticeFacts:
    return service.practice_facts(request.practice, request.practitioners)


def _tab(request: DashboardRequest) -> str:
    """The bar of the owner has seven words already: the pages stand under the settings."""
    return "practice" if request.access.allows(Operation.EDIT_PRACTICE) else "site"


def _form_page(request: DashboardRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    form = context["form"]
    status = 422 if form.is_bound and form.errors else 200
    if isinstance(form, EditForm):
        status = form.status
    return show(request, template, context, tab=_tab(request), status=status)


def _keep_picture(
    request: DashboardRequest, form: PictureForm, kind: str, known: PracticeFacts
) -> None:
    if form.encoded is not None:
        gallery.put_picture(
            kind=kind,
            encoded=form.encoded,
            described=form.described,
            known=known,
            actor=actor(request),
            now=request.now,
        )
    else:
        gallery.describe_picture(
            kind=kind,
            described=form.described,
            known=known,
            actor=actor(request),
            now=request.now,
        )


def _picture_values(picture: Picture | None) -> dict[str, Any]:
    if picture is None:
        return {}
    names = ("alt", "credit", "rights_holder", "people")
    return {"file": picture.ref} | {name: getattr(picture, name) for name in names}


def _card_values(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in _CARD_FIELDS}


def _sections(workshop: Workshop) -> list[dict[str, Any]]:
    """Return each part of the pages with its first words and the address of its editor."""
    made = [
        {
            "part": part,
            "label": label,
            "text": str(getattr(workshop.content, part)),
            "url": reverse("dashboard:site_text", args=[part]),
        }
        for part, label in TEXTS.items()
    ]
    for kind in PICTURE_FORMS:
        url = reverse("dashboard:site_picture", args=[kind])
        image = getattr(workshop.content, kind)
        made.append({"part": kind, "label": PARTS[kind], "image": image, "url": url})
    colour = workshop.content.colour
    made.append(
        {
            "part": "colour",
            "label": PARTS["colour"],
            "colour": colours.brand(colour).light.accent if colour else "",
            "url": reverse("dashboard:site_colour"),
        }
    )
    return made


def _people(
    request: DashboardRequest, workshop: Workshop
) -> list[tuple[Practitioner, PresentedPerson]]:
    """Return the practitioners whose presentation this person may write."""
    by_ref = {person.ref: person for person in workshop.content.people}
    return [
        (practitioner, by_ref[str(practitioner.ref)])
        for practitioner in reach(request, Operation.EDIT_SITE)
    ]


def _state_words(request: DashboardRequest, workshop: Workshop) -> str:
    """Return the state of the published pages: since when, and published by whom."""
    publication = workshop.publication
    if publication is None:
        return ""
    moment = publication.published_at.astimezone(request.zone)
    when = french.day_and_hour(moment, today=request.today)
    if publication.published_by is None:
        return _("Publié le %(when)s.") % {"when": when}
    return _("Publié le %(when)s par %(who)s.") % {
        "when": when,
        "who": publication.published_by.name,
    }


def _change_words(workshop: Workshop) -> list[str]:
    """Return the parts that publishing changes, and how; before the first publication, their names only."""
    if workshop.publication is None:
        return [change.label for change in workshop.changes]
    words = {
        ADDED: _("%s\u00a0: ajouté"),
        CHANGED: _("%s\u00a0: modifié"),
        REMOVED: _("%s\u00a0: retiré"),
    }
    return [words[change.kind] % change.label for change in workshop.changes]


def _colour_words(colour: str) -> str:
    """Return how the colour was adjusted for readability (ui.md section 2)."""
    made = colours.brand(colour)
    if made.is_darkened:
        return _(
            "Voici la couleur telle que vos patients la verront. Nous l’avons assombrie pour qu’elle reste"
            " lisible."
        )
    if made.is_lightened:
        return _(
            "Voici la couleur telle que vos patients la verront. Nous l’avons éclaircie pour qu’elle se"
            " distingue du texte."
        )
    if made.is_softened:
        return _(
            "Voici la couleur telle que vos patients la verront. Nous l’avons adoucie pour qu’elle reste"
            " lisible."
        )
    return _("Votre couleur se lit bien\u00a0: vos patients la verront telle quelle.")


def _filled_words(filled: list[str]) -> str:
    if not filled:
        return _(
            "Vos réponses sont enregistrées. Vos textes étaient déjà écrits\u00a0: ils n’ont pas changé."
        )
    names = ", ".join(str(TEXTS[part]).lower() for part in filled)
    return _("Vos réponses ont préparé ces textes\u00a0: %s. Relisez-les, puis publiez.") % names

"""My site (T11): the practice's own pages, edited part by part, looked at, published, taken off."""

import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import french
from booking.forms.dashboard.site import (
    PICTURE_FORMS,
    CardForm,
    ColourForm,
    PictureForm,
    QuestionnaireForm,
    SiteTextForm,
)
from booking.models import Practitioner
from booking.services import site as service
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.access import refused as refused_page
from booking.views.dashboard.pages import show
from booking.views.public import look
from booking.views.public import practice as patient_pages
from booking.views.public.page import read_site
from tenants.accounts.permissions import Operation
from tenants.website import colours, professions, queries
from tenants.website.content import ADDED, CHANGED, PARTS, REMOVED, TEXTS, Known, Person
from tenants.website.errors import CannotPublish, EditedMeanwhile
from tenants.website.models import Picture
from tenants.website.queries import Workshop
from tenants.website.services import answering, editing, gallery, publishing

P = ParamSpec("P")
View = Callable[Concatenate[DashboardRequest, P], HttpResponse]
_HOUSE_COLOUR = "#0a4f5c"
_CARD_FIELDS = ("profession", "presentation", "rpps", "adeli", "order_number", "display_requested")


def _of_the_practice(view: View[P]) -> View[P]:
    """Open to whoever edits the practice's pages as a whole, not only how they are presented."""

    @functools.wraps(view)
    def guarded(request: DashboardRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.access.allows(Operation.EDIT_SITE):
            return refused_page(request)
        return view(request, *args, **kwargs)

    return guarded


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show what is being written, what differs from the published pages, and what is in the way."""
    workshop = queries.workshop(_known(request))
    is_whole = request.access.allows(Operation.EDIT_SITE)
    context = {
        "workshop": workshop,
        "is_whole": is_whole,
        "state": _state_words(request, workshop),
        "changes": _change_words(workshop),
        "sections": _sections(workshop) if is_whole else [],
        "people": _people(request, workshop),
        "warnings": workshop.warnings if is_whole else [],
        "was_asked": answering.answers() is not None if is_whole else True,
        "part_names": PARTS,
    }
    return show(request, "site", context, tab=_tab(request))


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_text(request: DashboardRequest, part: str) -> HttpResponse:
    """Write one text; when somebody else changed it meanwhile, show theirs and keep what was typed."""
    if part not in TEXTS:
        raise Http404
    known = _known(request)
    held = str(getattr(queries.workshop(known).draft, part))
    form = SiteTextForm(
        request.POST if request.method == "POST" else None,
        part=part,
        initial={"text": held, "seen": editing.fingerprint(held)},
    )
    theirs = ""
    if form.is_valid():
        try:
            editing.save_text(
                part=part,
                typed=form.cleaned_data["text"],
                seen=form.cleaned_data["seen"],
                known=known,
                actor=actor(request),
                now=request.now,
            )
        except EditedMeanwhile:
            theirs = held
            form = SiteTextForm(
                {"text": form.cleaned_data["text"], "seen": editing.fingerprint(held)}, part=part
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
    return _form_page(request, "site_text", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_colour(request: DashboardRequest) -> HttpResponse:
    """Choose the colour, and see what becomes of it by day and by night."""
    known = _known(request)
    held = queries.workshop(known).draft.colour
    if request.method == "POST" and request.POST.get("acte") == "retirer":
        editing.save_colour(typed="", known=known, actor=actor(request), now=request.now)
        messages.success(
            request, _("Le site reprend la couleur de lib-rdv à la prochaine publication.")
        )
        return redirect("dashboard:site")
    form = ColourForm(
        request.POST if request.method == "POST" else None,
        initial={"colour": held or _HOUSE_COLOUR},
    )
    shown = held
    if form.is_valid():
        shown = form.cleaned_data["colour"]
        if request.POST.get("acte") != "essayer":
            editing.save_colour(typed=shown, known=known, actor=actor(request), now=request.now)
            messages.success(request, _colour_words(shown))
            return redirect("dashboard:site_colour")
    context = {
        "form": form,
        "held": held,
        "brand": colours.brand(shown) if shown else None,
        "word": _colour_words(shown) if shown else "",
    }
    return _form_page(request, "site_colour", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def edit_picture(request: DashboardRequest, kind: str) -> HttpResponse:
    """Put a photo or a logo on the pages, change what is said of it, or take it away."""
    if kind not in PICTURE_FORMS:
        raise Http404
    known = _known(request)
    held: Picture | None = getattr(queries.workshop(known).draft, kind)
    if request.method == "POST" and request.POST.get("acte") == "retirer":
        gallery.remove_picture(kind=kind, known=known, actor=actor(request), now=request.now)
        messages.success(
            request, _("L’image est retirée. Publiez pour que vos patients ne la voient plus.")
        )
        return redirect("dashboard:site")
    is_post = request.method == "POST"
    form = PICTURE_FORMS[kind](
        request.POST if is_post else None,
        request.FILES if is_post else None,
        has_picture=held is not None,
        initial=_picture_initial(held),
    )
    if form.is_valid():
        _keep_picture(request, form, kind, known)
        messages.success(
            request, _("L’image est enregistrée. Vos patients ne la voient pas encore.")
        )
        return redirect("dashboard:site")
    context = {"form": form, "kind": kind, "title": PARTS[kind], "held": held}
    return _form_page(request, "site_picture", context)


@requires(Operation.EDIT_SITE)
def edit_card(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Write how a practitioner is presented; their number shows only when they ask (G-06)."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_SITE)
    card = queries.workshop(_known(request)).card(who.ref)
    may_ask = who.user_id in {None, request.user.pk}
    form = CardForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(card, name) for name in _CARD_FIELDS},
        may_ask=may_ask,
        who=who.name,
    )
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in _CARD_FIELDS}
        if not may_ask:
            values.pop("display_requested")
        editing.save_card(
            practitioner_ref=who.ref, values=values, actor=actor(request), now=request.now
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
    context = {"form": form, "who": who, "rule": rule}
    return _form_page(request, "site_card", context)


@requires(Operation.EDIT_SITE)
@_of_the_practice
def answer_questionnaire(request: DashboardRequest) -> HttpResponse:
    """Ask once what the settings do not know, and fill the texts that are still empty (G-08)."""
    known = _known(request)
    earlier = answering.answers()
    form = QuestionnaireForm(
        request.POST if request.method == "POST" else None,
        initial=earlier.to_json() if earlier else {},
        names=[who.name for who in request.practitioners],
    )
    if form.is_valid():
        filled = answering.save_answers(
            answers=form.answers, known=known, actor=actor(request), now=request.now
        )
        messages.success(request, _filled_words(filled))
        return redirect("dashboard:site")
    return _form_page(request, "site_questionnaire", {"form": form, "facts": service.facts()})


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview(request: DashboardRequest) -> HttpResponse:
    """Show the patients' page as it would be once published: the same template, the draft in it."""
    workshop = queries.workshop(_known(request))
    site = read_site(request, draft=workshop.content)
    return patient_pages.preview(request, site)


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview_colour(request: DashboardRequest) -> HttpResponse:
    """Return the style sheet of the draft's colour."""
    colour = queries.workshop(Known()).draft.colour
    if not colour:
        raise Http404
    return HttpResponse(colours.stylesheet(colour), content_type="text/css; charset=utf-8")


@requires(Operation.EDIT_SITE, methods=("GET", "HEAD"))
def preview_picture(request: DashboardRequest, ref: uuid.UUID, size: str) -> HttpResponse:
    """Return a picture that is not published yet, to those who edit the pages."""
    found = queries.any_file(ref, size)
    if found is None:
        raise Http404
    return look.picture_response(found)


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
    """Ask once, then take the pages off; the draft stays."""
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
    return show(request, "site_unpublish", {"workshop": workshop}, tab=_tab(request))


def _known(request: DashboardRequest) -> Known:
    return service.known_of(request.practice, request.practitioners)


def _tab(request: DashboardRequest) -> str:
    """The bar of the owner has seven words already: the pages stand under the settings."""
    return "practice" if request.access.allows(Operation.EDIT_PRACTICE) else "site"


def _form_page(request: DashboardRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    is_bound = context["form"].is_bound and bool(context["form"].errors)
    return show(request, template, context, tab=_tab(request), status=422 if is_bound else 200)


def _keep_picture(request: DashboardRequest, form: PictureForm, kind: str, known: Known) -> None:
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


def _picture_initial(held: Picture | None) -> dict[str, Any]:
    if held is None:
        return {}
    return {name: getattr(held, name) for name in ("alt", "credit", "rights_holder", "people")}


def _sections(workshop: Workshop) -> list[dict[str, Any]]:
    """Return each part of the pages with its beginning and where it is edited."""
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


def _people(request: DashboardRequest, workshop: Workshop) -> list[tuple[Practitioner, Person]]:
    """Return the practitioners whose presentation this person may write."""
    by_ref = {person.ref: person for person in workshop.content.people}
    return [(who, by_ref[str(who.ref)]) for who in reach(request, Operation.EDIT_SITE)]


def _state_words(request: DashboardRequest, workshop: Workshop) -> str:
    """Say what patients see now, since when, and by whom."""
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
    """Return the parts that publishing changes, and how; the first time their names say enough."""
    if workshop.publication is None:
        return [change.label for change in workshop.changes]
    words = {
        ADDED: _("%s\u00a0: ajouté"),
        CHANGED: _("%s\u00a0: modifié"),
        REMOVED: _("%s\u00a0: retiré"),
    }
    return [words[change.kind] % change.label for change in workshop.changes]


def _colour_words(colour: str) -> str:
    """Say what was done to the colour so that it can be read (ui.md section 2)."""
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

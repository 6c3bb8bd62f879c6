"""P7 and the way back to an appointment: an address or a number, the same answer whether it is known or not."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.abuse import form_token, limits
from booking.appointments import rights
from booking.practice.legal_identity import legal_identity
from booking.scheduling import catalogue
from booking.scheduling.catalogue import region_of
from booking.web.public.forms import HONEYPOT, RightsForm
from booking.web.public.page import (
    Site,
    patient_view,
    personal,
    refusal,
    schema_of_request,
    show,
    too_many,
)

PURPOSE = "rights"


@patient_view("GET", "POST")
def request_links(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the rights of a person, or send the links of coming appointments again to their own address."""
    return _answer(request, site, "booking/rights.html")


@patient_view("GET", "POST")
def find(request: HttpRequest, site: Site) -> HttpResponseBase:
    """The same for a person that has lost the message and wants to move or cancel, without a word on rights."""
    return _answer(request, site, "booking/find.html")


def _answer(request: HttpRequest, site: Site, template: str) -> HttpResponseBase:
    region = region_of(catalogue.first_active_location())
    if request.method != "POST":
        return _page(request, site, RightsForm(region=region), template)
    network = limits.network_of(request)
    wait = limits.seconds_to_wait(limits.RIGHTS_BY_NETWORK, network, now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    form = RightsForm(request.POST, region=region)
    is_valid = form.is_valid()
    try:
        complaint = _complaint(request, site)
    except form_token.Forged:
        limits.record_abuse_signal(limits.network_of(request), now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    if complaint:
        form.add_error(None, complaint)
    if complaint or not is_valid:
        return _page(request, site, form, template, status=422)
    person = form.cleaned_data["contact"]
    # Beyond the limit of this address no message is sent, and the answer does not reveal it.
    if not limits.seconds_to_wait(
        limits.RIGHTS_BY_ADDRESS, person.email.casefold() or person.phone, now=site.now
    ):
        rights.send_links(person=person, now=site.now)
    return personal(HttpResponseRedirect(reverse("booking:rights_sent")))


@patient_view("GET")
def sent(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the same page for known and unknown addresses."""
    return show(request, site, "booking/rights_sent.html", is_personal=True)


def _complaint(request: HttpRequest, site: Site) -> str:
    try:
        form_token.read(
            request.POST.get("token", ""), schema=schema_of_request(), purpose=PURPOSE, now=site.now
        )
    except form_token.TooFast:
        limits.record_abuse_signal(limits.network_of(request), now=site.now)
        return _("Ce formulaire est parti très vite. Envoyez-le de nouveau.")
    except form_token.Expired:
        return _("Cette page était ouverte depuis longtemps. Envoyez-la de nouveau.")
    if request.POST.get(HONEYPOT):
        limits.record_abuse_signal(limits.network_of(request), now=site.now)
        return _("Cet envoi ressemble à celui d'un robot. Envoyez-le de nouveau.")
    return ""


def _page(
    request: HttpRequest, site: Site, form: RightsForm, template: str, *, status: int = 200
) -> HttpResponseBase:
    sent_token = request.POST.get("token", "")
    try:
        form_token.read(sent_token, schema=schema_of_request(), purpose=PURPOSE, now=site.now)
        token = sent_token
    except form_token.TooFast:
        token = sent_token
    except form_token.FormTokenError:
        token = form_token.issue(schema=schema_of_request(), purpose=PURPOSE, now=site.now)
    context = {
        "form": form,
        "token": token,
        "honeypot": HONEYPOT,
        "identity": legal_identity(site.practice),
        "librdv": settings.LIBRDV_IDENTITY,
    }
    return show(request, site, template, context, status=status, is_personal=True)

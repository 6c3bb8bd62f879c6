"""The overview (A1) and the search of the staff pages."""

from django.http import HttpResponse

from tenants.desk import overview, search
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page
from tenants.query_parameters import parameters_of


@staff_only(methods=("GET", "HEAD"))
def show_overview(request: StaffRequest) -> HttpResponse:
    """Show the registered tiles and lists."""
    context = {
        "tiles": overview.tiles(now=request.now),
        "lists": overview.lists(now=request.now),
        "now": request.now,
    }
    return render_page(request, "desk/overview.html", context, tab="overview")


@staff_only(methods=("GET", "HEAD"))
def show_search(request: StaffRequest) -> HttpResponse:
    """Show the results of the registered providers for the text ``q``."""
    text = search.search_text(parameters_of(request).get("q", ""))
    context = {"text": text, "groups": search.search(text)}
    return render_page(request, "desk/search.html", context, tab="search")

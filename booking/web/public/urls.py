"""The patient pages of one practice. GET shows, POST changes."""

from django.urls import URLPattern, path

from booking.web.public import (
    appearance,
    booking,
    legal,
    manage,
    practice,
    rights,
    waiting,
)

app_name = "booking"

urlpatterns: list[URLPattern] = [
    path("", practice.home, name="home"),
    path("creneaux/", practice.slots, name="slots"),
    path("reserver/", booking.choose, name="choose"),
    path("reserver/confirmer/", booking.confirm, name="confirm"),
    path("reserver/changer/", booking.change_slot, name="change_slot"),
    path("reserver/<str:token>/", booking.details, name="details"),
    path("rdv/<str:token>/", manage.manage, name="manage"),
    path("rdv/<str:token>/confirme/", manage.confirmation, name="done"),
    path("rdv/<str:token>/deplacer/", manage.move, name="move"),
    path("rdv/<str:token>/annuler/", manage.cancel, name="cancel"),
    path("rdv/<str:token>/coordonnees/", manage.correct, name="correct"),
    path("rdv/<str:token>/effacer/", manage.erase, name="erase"),
    path("rdv/<str:token>/retard/", manage.late, name="late"),
    path("rdv/<str:token>/sans-rappel/", manage.reminder, name="reminder"),
    path("rdv/<str:token>/plus-tot/", waiting.join_with, name="earlier_with"),
    path("rdv/<str:token>/donnees/", manage.export, name="export"),
    path("rdv/<str:token>/rendez-vous.ics", manage.calendar, name="calendar"),
    # Short enough for an SMS and for a finger; the 128-bit token opens the same page.
    path("r/<str:token>/", manage.manage, name="short"),
    path("plus-tot/", waiting.join, name="earlier"),
    path("plus-tot/note/", waiting.joined, name="earlier_done"),
    path("attente/<str:token>/", waiting.entry, name="waiting"),
    path("offre/<str:token>/", waiting.offer, name="offer"),
    path("mon-rendez-vous/", rights.find, name="find"),
    path("mes-donnees/", rights.request_links, name="rights"),
    path("mes-donnees/envoye/", rights.sent, name="rights_sent"),
    path("confidentialite/", legal.privacy, name="privacy"),
    path("mentions-legales/", legal.legal_notice, name="legal_notice"),
    path("accessibilite/", legal.accessibility, name="accessibility"),
    path("robots.txt", legal.robots, name="robots"),
    path("marque.css", appearance.colour, name="colour"),
    path("image/<uuid:ref>/<str:size>/", appearance.picture, name="picture"),
]

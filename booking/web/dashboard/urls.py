"""The dashboard of one practice, under /espace/ of its own host."""

from django.urls import path

from booking.web.dashboard.agenda import (
    block,
    names,
    today,
    week,
)
from booking.web.dashboard.appointment import contact, placement
from booking.web.dashboard.appointment import views as appointment
from booking.web.dashboard.google import (
    connection,
    differences,
)
from booking.web.dashboard.google import (
    views as google,
)
from booking.web.dashboard.hours import month
from booking.web.dashboard.hours import views as hours
from booking.web.dashboard.messages import (
    digest,
    ledger,
    texts,
)
from booking.web.dashboard.settings import (
    appointment_types,
    feeds,
    first_day,
    practice,
    privacy,
    subscription,
)
from booking.web.dashboard.site import views as site
from booking.web.dashboard.statistics import views as statistics
from booking.web.dashboard.team import views as team
from booking.web.dashboard.waiting_list import views as waiting

app_name = "dashboard"

urlpatterns = [
    path("", today.today, name="today"),
    path("vu/", today.seen, name="seen"),
    path("rendez-vous/<uuid:ref>/appel/", today.call, name="call"),
    path("semaine/", week.week, name="week"),
    path("semaine/vue/", week.choose, name="agenda_choice"),
    path("semaine/etat/", week.pulse, name="pulse"),
    path("noms/", names.names, name="names"),
    path("bloquer/", block.block, name="block"),
    path("bloquer/<uuid:ref>/", block.touched, name="touched"),
    path("rendez-vous/nouveau/", placement.book, name="book"),
    path("rendez-vous/<uuid:ref>/", appointment.panel, name="appointment"),
    path("rendez-vous/<uuid:ref>/marquer/", appointment.mark, name="mark"),
    path("rendez-vous/<uuid:ref>/deplacer/", placement.move, name="move"),
    path("rendez-vous/<uuid:ref>/duree/", placement.resize, name="resize"),
    path("rendez-vous/<uuid:ref>/renvoyer/", appointment.resend, name="resend"),
    path("rendez-vous/<uuid:ref>/annuler/", appointment.cancel, name="cancel"),
    path("rendez-vous/<uuid:ref>/coordonnees/", contact.correct, name="correct"),
    path("rendez-vous/<uuid:ref>/effacer/", appointment.erase, name="erase"),
    path("attente/", waiting.overview, name="waiting"),
    path("attente/ajouter/", waiting.add, name="waiting_add"),
    path("attente/<uuid:ref>/ordre/", waiting.change, name="waiting_change"),
    path("attente/<uuid:ref>/proposer/", waiting.offer, name="waiting_offer"),
    path("attente/<uuid:ref>/retirer/", waiting.remove, name="waiting_remove"),
    path("attente/offres/<uuid:ref>/", waiting.answer, name="offer_answer"),
    path("horaires/", month.overview, name="hours"),
    path("horaires/<uuid:practitioner_ref>/semaine/", hours.edit_week, name="week_add"),
    path(
        "horaires/<uuid:practitioner_ref>/semaine/<uuid:week>/", hours.edit_week, name="week_edit"
    ),
    path(
        "horaires/<uuid:practitioner_ref>/semaine/<uuid:week>/retirer/",
        hours.remove_week,
        name="week_remove",
    ),
    path("horaires/<uuid:practitioner_ref>/jour/fermer/", month.close_day, name="day_close"),
    path("horaires/<uuid:practitioner_ref>/jour/", hours.edit_date, name="date_edit"),
    path(
        "horaires/<uuid:practitioner_ref>/jour/<uuid:exception>/retirer/",
        hours.clear_date,
        name="date_clear",
    ),
    path("horaires/feries/<uuid:place>/", month.holidays, name="holidays"),
    path("absences/nouvelle/", hours.add_absence, name="absence_add"),
    path("absences/<uuid:ref>/", hours.absence, name="absence"),
    path("absences/<uuid:ref>/retirer/", hours.remove_absence, name="absence_remove"),
    path("premier-jour/", first_day.resume, name="first_day"),
    path("premier-jour/profession/", first_day.profession, name="first_profession"),
    path("premier-jour/lieu/", first_day.first_place, name="first_place"),
    path("premier-jour/horaires/", first_day.week, name="first_hours"),
    path("premier-jour/motifs/", first_day.appointment_type, name="first_appointment_types"),
    path("premier-jour/identite/", first_day.legal_identity, name="first_legal_identity"),
    path("premier-jour/ouvrir/", first_day.open_site, name="first_open"),
    path("premier-jour/pret/", first_day.ready, name="first_ready"),
    path("premier-jour/qr.svg", first_day.share_code, name="share_code"),
    path("motifs/", appointment_types.appointment_types, name="appointment_types"),
    path("motifs/nouveau/", appointment_types.edit_appointment_type, name="appointment_type_add"),
    path("motifs/modeles/", appointment_types.templates, name="appointment_type_templates"),
    path("motifs/ordre/", appointment_types.order_appointment_types, name="appointment_type_order"),
    path(
        "motifs/<uuid:ref>/", appointment_types.edit_appointment_type, name="appointment_type_edit"
    ),
    path(
        "motifs/<uuid:ref>/ordre/",
        appointment_types.change_appointment_type,
        name="appointment_type_change",
    ),
    path("lieux/", appointment_types.places, name="places"),
    path("lieux/nouveau/", appointment_types.edit_place, name="place_add"),
    path("lieux/ordre/", appointment_types.order_places, name="place_order"),
    path("lieux/adresse/", appointment_types.ask_address, name="place_address"),
    path("lieux/<uuid:ref>/", appointment_types.edit_place, name="place_edit"),
    path("lieux/<uuid:ref>/archives/", appointment_types.change_place, name="place_change"),
    path("equipe/", team.overview, name="team"),
    path("equipe/inviter/", team.invite, name="invite"),
    path("equipe/invitations/<uuid:ref>/", team.change_invitation, name="invitation_change"),
    path("equipe/<uuid:ref>/", team.member, name="member"),
    path("equipe/<uuid:ref>/changer/", team.change_member, name="member_edit"),
    path("equipe/<uuid:ref>/fermer/", team.revoke, name="revoke"),
    path("equipe/agendas/nouveau/", team.agenda, name="agenda_add"),
    path("equipe/agendas/<uuid:ref>/", team.agenda, name="agenda_edit"),
    path("equipe/agendas/<uuid:ref>/changer/", team.change_agenda, name="agenda_change"),
    path("equipe/remplacements/nouveau/", team.add_replacement, name="replacement_add"),
    path(
        "equipe/remplacements/<uuid:ref>/retirer/",
        team.remove_replacement,
        name="replacement_remove",
    ),
    path("mes-actes/", team.my_history, name="my_history"),
    path("confidentialite/", privacy.privacy, name="privacy"),
    path("abonnement/", subscription.subscription, name="subscription"),
    path(
        "abonnement/factures/<uuid:ref>.pdf",
        subscription.bill_file,
        {"kind": "pdf"},
        name="bill_pdf",
    ),
    path(
        "abonnement/factures/<uuid:ref>.xml",
        subscription.bill_file,
        {"kind": "xml"},
        name="bill_xml",
    ),
    path("abonnement/commandes/<uuid:ref>.pdf", subscription.order_file, name="order_pdf"),
    path("google/", google.google, name="google"),
    path("google/retour/", connection.google_return, name="google_return"),
    path("google/differences/<uuid:ref>/", differences.google_decide, name="google_decide"),
    path(
        "google/taches/<uuid:ref>/", differences.google_complete_task, name="google_complete_task"
    ),
    path(
        "google/effacements/<uuid:ref>/",
        differences.google_delete_event,
        name="google_delete_event",
    ),
    path("google/<uuid:practitioner_ref>/", google.google_agenda, name="google_agenda"),
    path(
        "google/<uuid:practitioner_ref>/connecter/",
        connection.google_connect,
        name="google_connect",
    ),
    path("google/<uuid:practitioner_ref>/etat/", connection.google_state, name="google_state"),
    path(
        "google/<uuid:practitioner_ref>/resynchroniser/", google.google_resync, name="google_resync"
    ),
    path(
        "google/<uuid:practitioner_ref>/deconnecter/",
        google.google_disconnect,
        name="google_disconnect",
    ),
    path("flux/", feeds.feeds, name="feeds"),
    path("flux/<uuid:practitioner_ref>/", feeds.change, name="feed_change"),
    path("messages/", ledger.overview, name="messages"),
    path("messages/<uuid:ref>/renvoyer/", ledger.resend, name="message_resend"),
    path("messages/resume/", digest.digest, name="digest"),
    path("messages/textes/", texts.texts, name="texts"),
    path("messages/textes/<slug:kind>/", texts.text, name="text"),
    path("statistiques/", statistics.statistics, name="statistics"),
    path("statistiques/tableau.csv", statistics.table, name="statistics_table"),
    path("reglages/", practice.practice_settings, name="practice"),
    path("reglages/identite/", practice.identity_request, name="identity_request"),
    path("site/", site.overview, name="site"),
    path("site/texte/<str:part>/", site.edit_text, name="site_text"),
    path("site/couleur/", site.edit_colour, name="site_colour"),
    path("site/visuel/<str:kind>/", site.edit_picture, name="site_picture"),
    path("site/praticien/<uuid:practitioner_ref>/", site.edit_card, name="site_card"),
    path("site/questionnaire/", site.answer_questionnaire, name="site_questionnaire"),
    path("site/apercu/", site.preview, name="site_preview"),
    path("site/apercu/marque.css", site.preview_colour, name="site_preview_colour"),
    path(
        "site/apercu/image/<uuid:ref>/<str:size>/",
        site.preview_picture,
        name="site_preview_picture",
    ),
    path("site/publier/", site.publish, name="site_publish"),
    path("site/retirer/", site.unpublish, name="site_unpublish"),
]

"""The dashboard of one practice, under /espace/ of its own host."""

from django.urls import path

from booking.views.dashboard import appointment, first_day, hours, month, motifs, team, today, week

app_name = "dashboard"

urlpatterns = [
    path("", today.today, name="today"),
    path("semaine/", week.week, name="week"),
    path("rendez-vous/nouveau/", appointment.book, name="book"),
    path("rendez-vous/<uuid:ref>/", appointment.panel, name="appointment"),
    path("rendez-vous/<uuid:ref>/marquer/", appointment.mark, name="mark"),
    path("rendez-vous/<uuid:ref>/deplacer/", appointment.move, name="move"),
    path("rendez-vous/<uuid:ref>/annuler/", appointment.cancel, name="cancel"),
    path("rendez-vous/<uuid:ref>/coordonnees/", appointment.correct, name="correct"),
    path("rendez-vous/<uuid:ref>/effacer/", appointment.erase, name="erase"),
    path("horaires/", month.overview, name="hours"),
    path("horaires/<uuid:practitioner>/semaine/", hours.edit_week, name="week_add"),
    path("horaires/<uuid:practitioner>/semaine/<uuid:week>/", hours.edit_week, name="week_edit"),
    path(
        "horaires/<uuid:practitioner>/semaine/<uuid:week>/retirer/",
        hours.remove_week,
        name="week_remove",
    ),
    path("horaires/<uuid:practitioner>/jour/fermer/", month.close_day, name="day_close"),
    path("horaires/<uuid:practitioner>/jour/", hours.edit_date, name="date_edit"),
    path(
        "horaires/<uuid:practitioner>/jour/<uuid:exception>/retirer/",
        hours.forget_date,
        name="date_forget",
    ),
    path("horaires/feries/<uuid:place>/", hours.holidays, name="holidays"),
    path("absences/nouvelle/", hours.add_absence, name="absence_add"),
    path("absences/<uuid:ref>/", hours.absence, name="absence"),
    path("absences/<uuid:ref>/retirer/", hours.remove_absence, name="absence_remove"),
    path("premier-jour/", first_day.resume, name="first_day"),
    path("premier-jour/profession/", first_day.profession, name="first_profession"),
    path("premier-jour/lieu/", first_day.place, name="first_place"),
    path("premier-jour/horaires/", first_day.week, name="first_hours"),
    path("premier-jour/motifs/", first_day.motif, name="first_motifs"),
    path("premier-jour/pret/", first_day.ready, name="first_ready"),
    path("premier-jour/qr.svg", first_day.share_code, name="share_code"),
    path("motifs/", motifs.motifs, name="motifs"),
    path("motifs/nouveau/", motifs.edit_motif, name="motif_add"),
    path("motifs/modeles/", motifs.templates, name="motif_templates"),
    path("motifs/ordre/", motifs.order_motifs, name="motif_order"),
    path("motifs/<uuid:ref>/", motifs.edit_motif, name="motif_edit"),
    path("motifs/<uuid:ref>/ordre/", motifs.change_motif, name="motif_change"),
    path("lieux/", motifs.places, name="places"),
    path("lieux/nouveau/", motifs.edit_place, name="place_add"),
    path("lieux/ordre/", motifs.order_places, name="place_order"),
    path("lieux/<uuid:ref>/", motifs.edit_place, name="place_edit"),
    path("lieux/<uuid:ref>/archives/", motifs.change_place, name="place_change"),
    path("equipe/", team.overview, name="team"),
    path("equipe/inviter/", team.invite, name="invite"),
    path("equipe/invitations/<uuid:ref>/", team.change_invitation, name="invitation_change"),
    path("equipe/<uuid:ref>/fermer/", team.revoke, name="revoke"),
    path("equipe/agendas/nouveau/", team.agenda, name="agenda_add"),
    path("equipe/agendas/<uuid:ref>/", team.agenda, name="agenda_edit"),
    path("equipe/remplacements/nouveau/", team.add_replacement, name="replacement_add"),
    path(
        "equipe/remplacements/<uuid:ref>/retirer/",
        team.remove_replacement,
        name="replacement_remove",
    ),
    path("reglages/", team.practice, name="practice"),
]

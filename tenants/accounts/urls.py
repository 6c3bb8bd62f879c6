"""URLs of sign-in and account pages, on the public host and on tenants' hosts; there is no sign-up."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path, re_path

from tenants.accounts import views

urlpatterns = [
    path("connexion/", account.login, name="account_login"),
    path("connexion/verrouille/", account.account_inactive, name="account_inactive"),
    path("connexion/code/", mfa.authenticate, name="mfa_authenticate"),
    path("connexion/cle/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path(
        "connexion/confirmer/",
        views.confirming(account.reauthenticate),
        name="account_reauthenticate",
    ),
    path(
        "connexion/confirmer/code/",
        views.confirming(mfa.reauthenticate),
        name="mfa_reauthenticate",
    ),
    path(
        "connexion/confirmer/cle/",
        views.confirming(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("deconnexion/", account.logout, name="account_logout"),
    path("mot-de-passe/oublie/", account.password_reset, name="account_reset_password"),
    path(
        "mot-de-passe/oublie/envoye/",
        account.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^mot-de-passe/choisir/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.choose_password,
        name="account_reset_password_from_key",
    ),
    path(
        "mot-de-passe/choisi/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("compte/mot-de-passe/", account.password_change, name="account_change_password"),
    path("compte/mot-de-passe/premier/", account.password_set, name="account_set_password"),
    path("compte/securite/", mfa.index, name="mfa_index"),
    path(
        "compte/securite/application/",
        views.ActivateCodesView.as_view(),
        name="mfa_activate_totp",
    ),
    path("compte/securite/application/retirer/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("compte/securite/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "compte/securite/codes/nouveaux/",
        codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "compte/securite/codes/fichier/",
        codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path("compte/securite/cles/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("compte/securite/cles/ajouter/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("compte/securite/cles/<int:pk>/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path(
        "compte/securite/cles/<int:pk>/retirer/",
        webauthn.remove_webauthn,
        name="mfa_remove_webauthn",
    ),
    path("compte/profil/", views.profile, name="account_profile"),
    path("compte/adresse/", views.address, name="account_address"),
    path("compte/adresse/abandonner/", views.give_up_address, name="account_address_give_up"),
    path(
        "compte/adresse/confirmer/<str:token>/",
        views.confirm_address,
        name="account_address_confirm",
    ),
    path("compte/adresse/retablir/<str:token>/", views.undo_address, name="account_address_undo"),
    path("compte/sessions/", views.sessions, name="account_sessions"),
    path("compte/sessions/fermer/", views.close_sessions, name="account_close_sessions"),
    path("compte/sessions/<uuid:ref>/fermer/", views.close_session, name="account_close_session"),
]

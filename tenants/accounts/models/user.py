"""The user model: members of a practice in its schema, lib-rdv's staff in the schema ``public``."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from tenants.personal_data import declare
from tenants.refs import new_ref


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address, stored in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; without a password the account needs a link to choose one."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of lib-rdv's staff with all of Django's permissions."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of an address, compared without case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account identified by e-mail. ``is_staff`` opens lib-rdv's staff pages, on the public host only."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)  # noqa: TID251  # a column's default

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    personal_data = declare(
        subjects="utilisateurs",
        purpose="ouvrir l'espace du cabinet aux personnes qui y travaillent, et à elles seules",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv"),
        source="invitation du cabinet ou de lib-rdv",
        retention="tant que le compte est ouvert",
        personal={
            "email": "contact",
            "name": "identité",
            "password": "empreinte du mot de passe",
            "last_login": "connexion",
        },
        harmless=(
            "id",
            "ref",
            "is_active",
            "is_staff",
            "is_superuser",
            "date_joined",
            "groups",
            "user_permissions",
        ),
    )

    class Meta:
        """Addresses are stored in lower case."""

        constraints = (
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="accounts_user_email_lower"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex

    def get_full_name(self) -> str:
        """Return the name, or the address when the name is empty."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the full name: the model has no separate first name."""
        return self.get_full_name()

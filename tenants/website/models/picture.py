"""A picture of the practice: who holds the rights, what it shows, and its bytes in rows of their own."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class Picture(models.Model):
    """One picture that was uploaded, re-encoded by us; never changed, replaced by another one (G-09)."""

    class Kind(models.TextChoices):
        """What it is for."""

        PHOTO = "photo", "Photo"
        LOGO = "logo", "Logo"

    class People(models.TextChoices):
        """Whether somebody can be recognised; without their agreement there is no picture."""

        NOBODY = "nobody", "Personne n’est reconnaissable"
        AGREED = "agreed", "Les personnes reconnaissables ont donné leur accord écrit"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kind = models.CharField(max_length=5, choices=Kind)
    alt = models.CharField(max_length=200, blank=True, default="")
    credit = models.CharField(max_length=80, blank=True, default="")
    rights_holder = models.CharField(max_length=120)
    licence_scope = models.CharField(max_length=40, default="site web du client")
    people = models.CharField(max_length=6, choices=People, default=People.NOBODY)
    width = models.SmallIntegerField()
    height = models.SmallIntegerField()
    small_width = models.SmallIntegerField()
    small_height = models.SmallIntegerField()
    added_at = models.DateTimeField()

    personal_data = declare(
        subjects="praticiens, personnes photographiées avec leur accord, auteurs des images",
        purpose="illustrer le site du cabinet",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="jusqu’à son remplacement, au plus tard la fin du contrat",
        personal={
            "alt": "description de l’image",
            "credit": "auteur",
            "rights_holder": "titulaire des droits",
        },
        harmless=(
            "id",
            "ref",
            "kind",
            "licence_scope",
            "people",
            "width",
            "height",
            "small_width",
            "small_height",
            "added_at",
        ),
    )

    class Meta:
        """Nobody publishes a picture without saying whose it is; a photo says what it shows."""

        constraints = (
            models.CheckConstraint(
                condition=~Q(rights_holder=""), name="website_picture_has_rights_holder"
            ),
            models.CheckConstraint(
                condition=Q(kind="logo") | ~Q(alt=""), name="website_photo_has_alt"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex


class PictureFile(models.Model):
    """The bytes of one size: in the tenant's schema, erased and dumped with it."""

    class Size(models.TextChoices):
        """How large it is drawn."""

        LARGE = "grande", "Grande"
        SMALL = "petite", "Petite"

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="files")
    size = models.CharField(max_length=6, choices=Size)
    media_type = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)
    data = models.BinaryField()

    personal_data = declare(
        subjects="praticiens, personnes photographiées avec leur accord",
        purpose="illustrer le site du cabinet",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="jusqu’à son remplacement, au plus tard la fin du contrat",
        personal={"data": "image"},
        harmless=("id", "picture", "size", "media_type", "digest"),
    )

    class Meta:
        """Each size once."""

        constraints = (
            models.UniqueConstraint(fields=("picture", "size"), name="website_file_once_a_size"),
        )

    def __str__(self) -> str:
        return self.digest[:12]

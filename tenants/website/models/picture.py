"""Pictures of a practice: rights, description and sizes, with the bytes in separate rows."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class Picture(models.Model):
    """One uploaded and re-encoded picture. Its image never changes; a new upload replaces the row (G-09)."""

    class PictureKind(models.TextChoices):
        """The use of the picture on the website."""

        PHOTO = "photo", "Photo"
        LOGO = "logo", "Logo"

    class People(models.TextChoices):
        """Whether persons are recognisable; a picture of them needs their written agreement."""

        NOBODY = "nobody", "Personne n’est reconnaissable"
        AGREED = "agreed", "Les personnes reconnaissables ont donné leur accord écrit"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kind = models.CharField(max_length=5, choices=PictureKind)
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
        """Every picture has a rights holder; a photo has an alternative text."""

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
    """The bytes of one size of a picture, stored in the tenant's schema."""

    class Size(models.TextChoices):
        """The two sizes in which a page shows a picture."""

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
        """One row for each size of a picture."""

        constraints = (
            models.UniqueConstraint(fields=("picture", "size"), name="website_file_once_a_size"),
        )

    def __str__(self) -> str:
        return self.digest[:12]

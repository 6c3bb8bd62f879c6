"""Extra fields of the patients' form; patients see those of the published form version (B-03)."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class FormVersion(models.Model):
    """A set of extra fields, immutable once published; the last published version is shown."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    number = models.IntegerField(unique=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "ref", "number", "created_at", "published_at")
    )

    class Meta:
        """Ordered by number, the newest last."""

        ordering = ("number",)

    def __str__(self) -> str:
        return str(self.number)


class ExtraField(models.Model):
    """One question with its purpose, its legal basis and the retention of its answer."""

    class FieldKind(models.TextChoices):
        """The kinds of answer; long text is not offered (B-04)."""

        CHOICE = "choice", "Choix"
        YES_NO = "yes_no", "Oui ou non"
        SHORT_TEXT = "short_text", "Texte court"
        ADDRESS = "address", "Adresse"

    class Basis(models.TextChoices):
        """The legal bases that the controller may choose (H-06)."""

        CONTRACT = "6.1.b", "Nécessaire au rendez-vous demandé (art. 6.1.b)"
        CONSENT = "6.1.a", "Accord de la personne (art. 6.1.a)"
        LEGITIMATE = "6.1.f", "Intérêt légitime (art. 6.1.f)"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    version = models.ForeignKey(FormVersion, on_delete=models.CASCADE, related_name="fields")
    key = models.SlugField(max_length=30)
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=FieldKind)
    choices = models.JSONField(default=list, blank=True)
    purpose = models.CharField(max_length=160)
    legal_basis = models.CharField(max_length=5, choices=Basis, default=Basis.CONTRACT)
    retention = models.CharField(max_length=120)
    is_mandatory = models.BooleanField(default=False)
    place_kind = models.CharField(max_length=6, blank=True, default="")
    position = models.SmallIntegerField(default=0)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "ref",
            "version",
            "key",
            "label",
            "kind",
            "choices",
            "purpose",
            "legal_basis",
            "retention",
            "is_mandatory",
            "place_kind",
            "position",
        ),
    )

    class Meta:
        """CHECKs refuse a question without purpose or retention."""

        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=("version", "key"), name="extra_field_once"),
            models.CheckConstraint(
                condition=~Q(purpose="") & ~Q(retention=""), name="extra_field_says_why"
            ),
        )

    def __str__(self) -> str:
        return self.key

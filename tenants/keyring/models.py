"""Keys at rest, each wrapped by the one above it: KEK (outside the database), tenant key, data key.

Backups leave both tables out of the main dump, so no constraint of the database may point here:
a model that keeps a key declares it null=True, db_constraint=False, on_delete=DO_NOTHING. Lists
read it by select_related("data_key"), a LEFT JOIN because of null=True: an erased row still lists.
"""

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class TenantKey(models.Model):
    """The key of this schema. Deleting the row makes everything its data keys sealed unreadable."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kek_id = models.CharField(max_length=32)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    personal_data = declare(harmless=("id", "only", "ref", "kek_id", "wrapped", "created_at"))

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(only=True), name="keyring_tenantkey_only_one"
            ),
        )

    def __str__(self) -> str:
        return f"tenant key {self.ref}"


class DataKey(models.Model):
    """A random 256-bit key for the personal data of one row; deleting it is the erasure."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    personal_data = declare(harmless=("id", "ref", "wrapped", "created_at"))

    def __str__(self) -> str:
        return f"data key {self.ref}"

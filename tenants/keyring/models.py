"""Wrapped keys: the KEK, outside the database, wraps the tenant key, which wraps the data keys.

Main dumps leave out the rows of both tables, so no database constraint may reference them: a model with a
data key declares it null=True, db_constraint=False, on_delete=DO_NOTHING. Lists read the key by
select_related("data_key"), a LEFT JOIN because of null=True, so that they also return erased rows.
"""

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class TenantKey(models.Model):
    """The key of this schema, one row. Without it the data sealed by the schema's data keys is unreadable."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    kek_id = models.CharField(max_length=32)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    personal_data = declare(harmless=("id", "only", "ref", "kek_id", "wrapped", "created_at"))

    class Meta:
        """One row per schema."""

        constraints = (
            models.CheckConstraint(
                condition=models.Q(only=True), name="keyring_tenantkey_only_one"
            ),
        )

    def __str__(self) -> str:
        return f"tenant key {self.ref}"


class DataKey(models.Model):
    """A random 256-bit key for the personal data of one row; deleting the key erases the data."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    personal_data = declare(harmless=("id", "ref", "wrapped", "created_at"))

    def __str__(self) -> str:
        return f"data key {self.ref}"

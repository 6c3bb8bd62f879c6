"""No table changes: the sweeper may read more columns, and rights are given where the version moves."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("booking", "0007_told"),)
    operations = ()

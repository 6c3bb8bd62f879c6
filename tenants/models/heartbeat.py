"""The last success of each recurring duty of the house."""

from django.db import models

from tenants.personal_data import declare


class Heartbeat(models.Model):
    """When a duty (sweep, purge, seal) last ran to its end; one row per duty, in the shared schema.

    In the database and not in Redis: emptying the broker must not look like a dead worker, and a
    worker that can no longer write here has stopped doing its duty whatever Redis says.
    """

    class Duty(models.TextChoices):
        """What the clock has done again and again."""

        SWEEP = "sweep", "Balayage des messages dus"
        PURGE = "purge", "Effacement des données échues"
        SEAL = "seal", "Scellement du journal"

    duty = models.CharField(max_length=20, choices=Duty, primary_key=True)
    at = models.DateTimeField()

    personal_data = declare(subjects="aucune personne", harmless=("duty", "at"))

    def __str__(self) -> str:
        return self.duty

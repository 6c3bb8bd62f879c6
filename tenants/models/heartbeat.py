"""The last success of each recurring duty of the application."""

from django.db import models

from tenants.personal_data import declare


class Heartbeat(models.Model):
    """The instant at which a duty (sweep, backup ...) last succeeded; one row per duty, in ``public``.

    The row is in the database, not in Redis: flushing the broker must not look like a dead worker, and a
    worker without access to the database does not fulfil its duty.
    """

    class Duty(models.TextChoices):
        """The recurring jobs that ``/promises`` monitors."""

        SWEEP = "sweep", "Balayage des messages dus"
        EXPIRY = "expiry", "Effacement des données échues"
        SEAL = "seal", "Scellement du journal"
        AUDIT = "audit", "Vérification du journal"
        INVOICES = "invoices", "Vérification des factures"
        PERIODS = "periods", "Brouillons des périodes"
        BACKUP = "backup", "Sauvegarde"

    duty = models.CharField(max_length=20, choices=Duty, primary_key=True)
    at = models.DateTimeField()

    personal_data = declare(subjects="aucune personne", harmless=("duty", "at"))

    def __str__(self) -> str:
        return self.duty

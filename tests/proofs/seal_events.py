"""The product's work on the audit trail, without the guard that `PROOF` and `SABOTAGE` name.

Seals the acts of every practice, as every minute; with the argument `night` also verifies the chains.
"""

import os
import sys

import django


def main(arguments: list[str]) -> None:
    """Do the work of the jobs of ``tenants.audit.actors``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tenants.audit import actors
    from tenants.routing import served_units
    from tests.proofs.guards import remove_requested_guard

    remove_requested_guard()
    for unit in served_units():
        actors.seal.func(unit)
        if arguments:
            actors.sign_checkpoints.func(unit)


main(sys.argv[1:])

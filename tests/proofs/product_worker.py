"""The product's worker, without the guard that `PROOF` and `SABOTAGE` name."""

from config.worker import broker
from tests.proofs.guards import remove_requested_guard

remove_requested_guard()

__all__ = ["broker"]

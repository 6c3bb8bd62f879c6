"""The worker of a proof: the product's own, with one guard removed when a sabotage is asked."""

from config.worker import broker
from tests.proofs.sabotage import apply_sabotage

apply_sabotage()

__all__ = ["broker"]

"""Wiring: settings, URLs and processes. Imports everything, imported by nothing."""

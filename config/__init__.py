"""Composition of the application: settings, URLs and processes. The top layer; no other package imports it."""

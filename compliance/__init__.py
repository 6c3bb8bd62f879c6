"""Retention and, later, registers, rights and governance."""

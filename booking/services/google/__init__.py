"""Appointments reach the practitioner's Google Agenda, and its busy times come back."""

"""Availability, appointments, messages and erasure, in each tenant schema."""

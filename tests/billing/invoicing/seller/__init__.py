"""Tests of the staff pages of the seller."""

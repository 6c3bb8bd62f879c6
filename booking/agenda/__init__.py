"""Reads agendas for the dashboard: rows of a day, the week grid, changes, history, statistics.

Owns AgendaChoice and LastVisit of a user and no other table. Pages of the dashboard call it.
"""

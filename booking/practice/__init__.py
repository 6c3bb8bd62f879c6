"""The settings of a practice: appointment types, locations, team, replacements, presets, first day.

Owns the changes of these rows and their audit events. Pages of the dashboard call it.
"""

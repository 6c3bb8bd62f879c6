"""Read-only iCalendar feeds of one practitioner's agenda (B-33).

Owns Feed: its creation, level of detail, address and deletion.
Pages of the dashboard and the public feed address call it.
"""

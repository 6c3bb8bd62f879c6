"""Personal data of patients: sealed contacts, links to an appointment, published form versions.

Owns sealing, opening, correcting and erasing a contact under its own data key.
Appointments, the waiting list, notifications and Google call it.
"""

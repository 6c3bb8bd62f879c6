"""Target state and known state of appointments in a practitioner's external calendar.

Owns CalendarEntry and CalendarTask: it records the target state in the transaction of the decision. The package
``booking.google`` pushes it afterwards. Appointments, erasure and patients call this package.
"""

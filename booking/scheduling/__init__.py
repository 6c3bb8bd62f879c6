"""Opening rules, absences, free slots, slot holds and the locks of booking.

The package decides the opening hours of a day, the slots to offer and the order in which agendas are locked.
The appointments, the waiting list and the pages call it. Hours are minutes of the local day; they are converted
to UTC separately for each date.
"""

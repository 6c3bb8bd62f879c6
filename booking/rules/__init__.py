"""Rules of booking as pure functions and values: no Django model, no clock, no input or output.

Owns availability, the dates of erasure (design section 5), the text of calendar events, the kinds of outbox
entries and the errors of booking. Instants are aware datetimes or whole minutes of UTC since 1970.
Every package of booking may import it; it imports no other package of booking.
"""

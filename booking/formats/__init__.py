"""Text formats without a database: French dates and phone numbers, iCalendar files, SMS, QR codes.

Owns how a value is written for a reader or for another program (RFC 5545, GSM 03.38).
Uses no model and no clock. Every package of booking may import it.
"""

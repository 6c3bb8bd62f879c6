"""What lib-rdv sells: products and their prices by date.

Owns Product and Price. A price is only ever inserted, so that no order, draft or document changes under it (F-34).
"""

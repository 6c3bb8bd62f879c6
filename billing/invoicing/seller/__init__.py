"""The staff page of lib-rdv as the seller, and of the reference rates of late payment (F-01, F-08)."""

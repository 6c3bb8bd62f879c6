"""Room of order forms, invoices and mandates."""

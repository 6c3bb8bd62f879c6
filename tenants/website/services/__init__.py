"""The services of the website; each operation is recorded in the audit trail."""

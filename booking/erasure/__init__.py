"""When the data of a person are erased, and the cleanup of rows without personal data (B-20 to B-28).

Owns the computation of ``erase_at`` from stored rows and the batches of the cleanup. The rule itself is in
``booking.rules.erasure``; ``compliance.retention`` runs the jobs.
"""

"""Protection of anonymous forms: signed form tokens, rate limits, proof of work (B-09, C-61).

Owns the decision whether an anonymous request is accepted; it stores counters and no address.
Pages and services of booking call it. It imports no other package of booking.
"""

"""placeholder until the query lands."""

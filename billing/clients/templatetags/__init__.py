"""Template tags of the clients' staff pages."""

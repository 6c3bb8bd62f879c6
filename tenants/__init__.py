"""Who our clients are, and the walls between them. Imports nothing of ours."""

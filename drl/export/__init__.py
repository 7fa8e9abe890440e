"""A network as a file that needs nothing of ours."""

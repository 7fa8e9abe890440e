"""What a run is made of, whatever it learns: its directory, its checkpoints, its results."""

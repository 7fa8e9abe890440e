"""What a person sees while a job runs and at its end, on a terminal or in plain lines."""

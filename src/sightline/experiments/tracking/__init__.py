"""Records runs in trackers of experiments, beside the run folder."""

"""Trainings that run side by side: the seeds of a run, the trials of a hyperparameter search."""

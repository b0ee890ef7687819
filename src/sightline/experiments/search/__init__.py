"""Hyperparameter search: the space, the study that remembers all trials, and its best one."""

"""Image-classifier training as an orchestrated pipeline."""

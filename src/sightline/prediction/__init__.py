"""Stream images through a trained model."""

"""What is measured of a trained model: one measure a module; the stage evaluate asks for them."""

"""Export a model to other formats and certify that they agree with it."""

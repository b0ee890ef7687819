"""Parts of the evaluation, each of which looks at the model from another side."""

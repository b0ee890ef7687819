"""Parts of the evaluation."""

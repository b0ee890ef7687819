"""Images and labels: locate, download, read, validate, split and preprocess them."""

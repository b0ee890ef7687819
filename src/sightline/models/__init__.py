"""Build networks, and read and write Keras model files safely."""

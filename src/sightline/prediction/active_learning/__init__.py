"""What to label next: choose images, hand them over, and take their labels into the data set."""

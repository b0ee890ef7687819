"""An HTTP server that predicts with one model: `sightline serve`."""

"""The Prefect API: private, shared, and what watches over it."""

"""The Prefect server: a private one for a run, a shared one, its status and automations."""

"""The report of a run: the page, the model card, tables and figures."""

"""The promotion gate: decides whether a candidate is better than the champion."""

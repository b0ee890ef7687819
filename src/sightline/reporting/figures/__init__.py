"""Figures of a run, one `draw_*` function each; equal input gives equal bytes."""

"""How far off estimated ages are, and for whom: figures, report, plots."""

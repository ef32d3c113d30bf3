"""The colours of curves and bars, in figures and on pages, in this order."""

SERIES = ("#2563eb", "#f59e0b", "#0d9488", "#db2777", "#7c3aed", "#65a30d")

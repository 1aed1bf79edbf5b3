"""HTML pages and figures for reports."""

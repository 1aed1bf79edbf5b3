"""The age report: errors of estimated ages, overall and by group, as JSON, Markdown and plots."""

"""Data sets of faces with ages: readers, one Parquet schema, splits, and loading for training."""

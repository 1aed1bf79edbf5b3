"""From a raw data set to Parquet: list images, crop faces, assign splits, publish the result."""

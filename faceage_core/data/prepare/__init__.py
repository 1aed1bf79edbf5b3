"""From a raw data set to one Parquet schema: reading, cropping, splitting, publishing."""

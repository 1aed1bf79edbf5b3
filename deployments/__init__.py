"""The service: the stages on Ray Serve or in one process, and the HTTP interface over them."""

"""The HTTP interface: routes, request forms, errors, and the middleware before the proxy."""

"""HTTP functions: routes as data, one way from a request to an answer."""

"""One suite per port, for its adapter and its fake."""

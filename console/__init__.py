"""Commands for who runs Usance; they invoke the `admin` function, on AWS or of the embedded stack."""

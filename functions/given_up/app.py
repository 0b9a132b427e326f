"""Takes up deliveries whose messages were given up."""

from usance.entrypoints.queue import given_up

handler = given_up.handler()

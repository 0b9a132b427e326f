"""Statement jobs and the files of a bill."""

from usance.entrypoints.http import statements

handler = statements.handler()

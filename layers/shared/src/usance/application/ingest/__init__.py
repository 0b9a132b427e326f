"""Taking measurements in (metering.md 1).

A request is refused as a whole or answered once everything is durable: what can be ingested in the usage log, what cannot as an
event with its file. Doing it again stores nothing twice, so any failure on the way is answered by doing it again.
"""

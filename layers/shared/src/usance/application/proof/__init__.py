"""The counting proof: accepted = stored = exported = billed, of each meter of each account, found by ways of its own.

| stage | read from | by |
|---|---|---|
| accepted | the receipts that ingest writes beside the measurements | `read_usage` |
| stored | the packed items, opened in plain Python | `read_usage` |
| exported | the files of an export, read back | `exported` |
| billed | the line items of bills, against the stored measurements counted again | `billed` |
"""

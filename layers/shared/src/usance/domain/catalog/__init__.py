"""What configuration must obey: rules over a proposed entity and those it touches.

A rule takes a `Proposal`, refuses it with `InvalidInputError` whose message names the field, or answers the fields that
follow from it. It owns no storage and no wire format; what it needs to see is gathered for it (`resources`).
"""

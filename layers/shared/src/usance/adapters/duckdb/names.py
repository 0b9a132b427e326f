"""Names in SQL."""


def quoted(name: str) -> str:
    """A name as an identifier, whatever characters it has."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'

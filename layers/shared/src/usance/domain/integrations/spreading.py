"""Credits taken off the charges themselves, for systems that take no line below 0 (platform.md 10.6)."""

from collections.abc import Sequence


def less_credits(units: Sequence[int]) -> list[int]:
    """Charges lowered by the credits among `units`, each in proportion; credits become 0. All are whole, their sum stays.

    `units` sum to 0 or more.
    """
    charges = [max(amount, 0) for amount in units]
    return shared_out(sum(units), charges) if any(charges) else charges


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts that are to each other as `weights`; what does not divide goes to those that lost most.

    `total` is 0 or more, and so are the weights, which are not all 0.
    """
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in by_loss[: total - sum(parts)]:
        parts[at] += 1
    return parts

"""Gift cards: a kind of request that lives outside the product."""

from gift_cards.kind import GiftCard

__all__ = ["GiftCard"]

"""What only the gift card service can say."""

from approvals.causes import NOTHING, WAIT, Advice, Cause

STOCK = Advice(
    "gift-card-stock",
    ["Wait: it is tried again by itself.", "Ask the shop team when new cards arrive."],
    ["Buying a card elsewhere while this request is open."],
)
OUT_OF_STOCK = Cause(
    "gift-cards-sold-out",
    "no gift cards are left in stock",
    "The service has no more cards of this value. New ones arrive every morning.",
    NOTHING,
    WAIT,
    STOCK,
    retries=True,
)
RECIPIENT_REFUSED = Cause(
    "gift-card-recipient-refused",
    "the recipient's address was refused",
    "The service does not write to this address. It will never succeed as it is.",
    NOTHING,
    "Withdraw it and ask for it again with another address.",
    STOCK,
    can_try_again=False,
)
CAUSES = (OUT_OF_STOCK, RECIPIENT_REFUSED)

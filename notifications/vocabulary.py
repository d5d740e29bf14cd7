"""What is recorded of what people want to be told."""

from audit.vocabulary import Word

WORDS = [
    Word("person.notify", "Changed what they are told, and how", "person"),
    Word("person.watch", "Wants to be told of it", "request"),
    Word("person.unwatch", "Is not told of it any more", "request"),
]

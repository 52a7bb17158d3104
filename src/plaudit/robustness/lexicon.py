"""Words and sentences of which the checks are made; plaudit's own, small on purpose."""

from __future__ import annotations

PRAISE = (
    "good", "great", "wonderful", "excellent", "brilliant", "enjoyable", "beautiful", "superb",
)  # fmt: skip
BLAME = (
    "bad", "terrible", "awful", "boring", "dull", "dreadful", "stupid", "disappointing",
)  # fmt: skip
NOUNS = ("film", "movie", "story", "script")

PLAIN_TEMPLATES = (
    "The {noun} was {word}.",
    "I found the {noun} {word}.",
    "What we saw was one {word} {noun}.",
    "From beginning to end, this {noun} is {word}.",
    "My friends and I thought that the {noun} was {word}.",
    "It is a {noun} that everybody will call {word}.",
)
NEGATED_TEMPLATES = (
    "The {noun} was not {word}.",
    "I would never call this {noun} {word}.",
    "The {noun} is anything but {word}.",
    "I expected the {noun} to be {word}, but it was not.",
    "There is nothing {word} about this {noun}.",
    "Nobody can say that the {noun} was {word}.",
)

PRAISING = (
    "It is one of the best films I have ever seen.",
    "I loved every minute of it.",
    "I recommend it with all my heart.",
    "All in all, a wonderful film.",
)
BLAMING = (
    "It is one of the worst films I have ever seen.",
    "I hated every minute of it.",
    "I advise everybody against it.",
    "All in all, a terrible film.",
)
IRRELEVANT = (
    "I saw it on a Tuesday.",
    "The cinema is next to the station.",
    "It was raining outside.",
    "My sister bought the tickets.",
    "We took the bus home.",
    "It begins with a view of a street.",
    "The screening started at eight.",
    "I am writing this on my phone.",
)
EMOJI = ("🎬", "🎥", "📽️", "🍿", "🎞️", "📺")
# First names that are no other words of English; each is swapped for one of its own kind.
NAMES = (
    (
        "David", "Michael", "James", "Robert", "Richard", "Steven", "Kevin", "Peter", "Paul",
        "George", "Thomas", "Daniel", "Anthony", "Brian", "Edward", "Ronald", "Andrew", "Gary",
        "Eric", "Stephen", "Larry", "Scott", "Gregory", "Dennis", "Henry", "Arthur",
    ),
    (
        "Mary", "Jennifer", "Susan", "Barbara", "Elizabeth", "Sarah", "Karen", "Nancy", "Lisa",
        "Helen", "Sandra", "Laura", "Julia", "Emily", "Jessica", "Michelle", "Kate", "Anna",
        "Rachel", "Diane", "Alice", "Julie", "Emma", "Linda", "Catherine", "Nicole",
    ),
)  # fmt: skip

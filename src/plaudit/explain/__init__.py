"""Why a text got its label: the push of each word, whether it holds, and over many texts."""

from plaudit.explain.deletion import faithfulness
from plaudit.explain.drivers import global_words
from plaudit.explain.records import Driver, Explanation, Faithfulness, GlobalWords, Method, Word
from plaudit.explain.texts import explain, explain_cleaned

__all__ = [
    "Driver",
    "Explanation",
    "Faithfulness",
    "GlobalWords",
    "Method",
    "Word",
    "explain",
    "explain_cleaned",
    "faithfulness",
    "global_words",
]

"""Names in texts by rule: what is one, where it ends, how it reads in the nominative.

``words`` cuts a text, ``institutions``, ``places`` and ``people`` find names of their kind and judge what
a model takes for one, ``declension`` puts words that agree into the nominative. A rule goes by what a word
is (its readings) and by capitals, never by a list of names.
"""
